//! Input that is wrong, on every route it can be sent to: each is refused as the contract says, and nothing is written.
mod bodies;
mod fields;
mod headers;
mod ids;
mod json;
mod methods;
mod paths;
mod queries;

use kernel::Strength;
use web::{Body, Route};

use crate::support::{Answer, Audit, Authenticator, Person, Request, Targets, TestApp, on_both};

/// Someone who may call everything, and something for every route to act on.
struct Scene {
    app: TestApp,
    administrator: Person,
    /// One who proved two factors, for routes that want both.
    strong: Person,
    targets: Targets,
}

/// Runs `test` on both engines, and sees to it that nothing it sent was carried out.
async fn on_both_scenes(test: impl AsyncFn(&Scene)) {
    on_both(async |app| {
        let administrator = app.person("administrator@example.com", &["admin", "reader"]).await;
        let targets = Targets::new(&app, &administrator, &administrator).await;
        let strong = app.person("strong@example.com", &["admin", "reader"]).await;
        let (_, strong) = Authenticator::confirmed(&app, &strong).await;
        let scene = Scene { app, administrator, strong, targets };
        let mut audit = Audit::of(&scene.app.db).await;
        test(&scene).await;
        audit.none("bad input was carried out").await;
    })
    .await;
}

impl Scene {
    fn routes(&self) -> impl Iterator<Item = &Route> {
        self.app.routes().iter()
    }

    /// Routes that take a body.
    fn with_body(&self) -> impl Iterator<Item = &Route> {
        self.routes().filter(|route| !matches!(route.body, Body::None))
    }

    /// A request that would succeed, but for its path.
    fn request_to(&self, route: &Route, path: &str) -> Request {
        self.targets.request_to(&self.app, route, path).bearer(self.token(route))
    }

    /// A request that would succeed, but for its body.
    fn bare(&self, route: &Route) -> Request {
        self.app.request(route.method.clone(), &self.targets.path(route)).bearer(self.token(route))
    }

    fn token(&self, route: &Route) -> &str {
        let wants_both = route.step_up.is_some_and(|wanted| wanted.strength == Strength::Multi);
        if wants_both { &self.strong.token } else { &self.administrator.token }
    }
}

/// Panics unless `request` is refused with this status and code.
async fn refused(route: &Route, request: Request, outcome: (u16, &str), what: &str) -> Answer {
    let answer = request.send().await;
    let found = answer.outcome();
    assert_eq!((found.0, found.1.as_str()), outcome, "{} with {what}: {}", route.operation.id, answer.text());
    answer
}
