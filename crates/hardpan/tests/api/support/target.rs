//! Something for every route to act on: the paths, bodies and headers of requests that would succeed.
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use kernel::{IdentityId, UserId, schema::Kind};
use resources::schema::Owner;
use serde_json::{Value as Json, json};
use web::{Body, Method, Route};

use super::{Authenticator, PASSWORD, Person, Request, SoftKey, TestApp, valid, valid_body};

/// What requests are made for.
pub struct Targets {
    /// Of each resource, the id of a record of the owner's.
    records: BTreeMap<String, String>,
    /// A session of the owner's that is not the one asking.
    pub session: String,
    /// A second factor of the owner's that is not confirmed.
    factor: String,
    /// A device of the owner's.
    device: String,
    /// An API key of the owner's.
    key: String,
    /// An API key of that account.
    user_key: String,
    /// An identity of the owner's, who has a password, too.
    identity: String,
    /// Someone with a passkey, logged in with it; what asks for a fresh proof asks such people for it.
    pub holder: Person,
    passkey: String,
    /// An invitation of the administrator's.
    invitation: String,
    /// An account that is nobody's concern.
    pub user: String,
    counter: AtomicUsize,
}

impl Targets {
    /// One record of each resource: the owner's, or the administrator's where records have no owner.
    pub async fn new(app: &TestApp, owner: &Person, administrator: &Person) -> Self {
        let counter = AtomicUsize::new(0);
        let mut records = BTreeMap::new();
        for resource in app.resources() {
            let maker = if resource.owner == Owner::None { administrator } else { owner };
            let body = valid_body(&resource.input(), counter.fetch_add(1, Ordering::Relaxed));
            let record = app.create(&resource.name, maker, &body).await;
            records.insert(resource.name.clone(), record["id"].as_str().unwrap().to_owned());
        }
        let nobody = app.register("nobody@example.com").await;
        // A list of one has no second page.
        app.api_key(owner, &["documents:read"]).await;
        let key = app.api_key(owner, &["documents:read"]).await.id;
        let user_key = app.api_key(&nobody, &["documents:read"]).await.id;
        let session = app.current_session(&app.login(&owner.email).await).await;
        let factor = Authenticator::enrol(app, owner).await.id;
        let device = Self::device(app, owner).await;
        let identity = identity(app, owner).await;
        let (holder, passkey) = SoftKey::holder(app, "holder@example.com").await;
        invitation(app, administrator, "first@example.com").await;
        let invitation = invitation(app, administrator, "invited@example.com").await;
        Self {
            records,
            session,
            factor,
            device,
            key,
            user_key,
            identity,
            holder,
            passkey,
            invitation,
            user: nobody.id,
            counter,
        }
    }

    /// The device of another log-in of the owner's.
    async fn device(app: &TestApp, owner: &Person) -> String {
        app.login(&owner.email).await;
        let listed = app.get("/auth/v1/me/devices").bearer(&owner.token).send().await.expect(200).json();
        listed["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Another thing of the kind that the route acts on, for a route that ends it.
    pub async fn fresh(&self, app: &TestApp, route: &Route, owner: &Person, administrator: &Person) -> String {
        let Some(resource) = app.resources().iter().find(|resource| route.path.contains(&resource.name)) else {
            return match &*route.operation.id {
                "delete_invitation" => {
                    let nth = self.counter.fetch_add(1, Ordering::Relaxed);
                    invitation(app, administrator, &format!("invited{nth}@example.com")).await
                }
                "delete_device" => Self::device(app, owner).await,
                "delete_factor" | "confirm_factor" => Authenticator::enrol(app, owner).await.id,
                "delete_api_key" => app.api_key(owner, &["documents:read"]).await.id,
                "delete_identity" => identity(app, owner).await,
                "delete_passkey" => {
                    SoftKey::passkey().register(app, &self.holder).await["id"].as_str().unwrap().to_owned()
                }
                "delete_session" => app.current_session(&app.login(&owner.email).await).await,
                _ => self.id(route).to_owned(),
            };
        };
        let maker = if resource.owner == Owner::None { administrator } else { owner };
        let body = valid_body(&resource.input(), self.counter.fetch_add(1, Ordering::Relaxed));
        app.create(&resource.name, maker, &body).await["id"].as_str().unwrap().to_owned()
    }

    /// The id a route's `{id}` stands for.
    pub fn id(&self, route: &Route) -> &str {
        match route.path.split('/').collect::<Vec<_>>()[..] {
            ["", "api", "v1", resource, ..] => &self.records[resource],
            ["", "admin", "v1", "invitations", ..] => &self.invitation,
            ["", "admin", "v1", "users", ..] => &self.user,
            ["", "auth", "v1", "sessions", ..] => &self.session,
            ["", "auth", "v1", "api-keys", ..] => &self.key,
            ["", "auth", "v1", "me", "factors", ..] => &self.factor,
            ["", "auth", "v1", "me", "devices", ..] => &self.device,
            ["", "auth", "v1", "me", "identities", ..] => &self.identity,
            ["", "auth", "v1", "passkeys", ..] => &self.passkey,
            _ => panic!("nobody said what {} acts on", route.path),
        }
    }

    /// The path with its parameters filled in.
    pub fn path(&self, route: &Route) -> String {
        if route.path.contains("{provider}") {
            route.path.replace("{provider}", "nobody")
        } else if route.path_parameters().next().is_some() {
            self.path_to(route, self.id(route))
        } else {
            route.path.to_string()
        }
    }

    /// The same to another id.
    pub fn path_to(&self, route: &Route, id: &str) -> String {
        route.path.replace("{id}", id).replace("{key_id}", &self.user_key)
    }

    /// A body that the route takes, if it takes any.
    pub fn body(&self, route: &Route) -> Option<Json> {
        let nth = 1000 + self.counter.fetch_add(1, Ordering::Relaxed);
        match (&*route.operation.id, &route.body) {
            (_, Body::None) => None,
            (batch, Body::Record { schema }) if batch.starts_with("batch_") => {
                let list = schema.fields.iter().find(|field| field.name == "create").unwrap();
                let Kind::Array { items, .. } = &list.kind else { panic!("a list is needed") };
                Some(json!({"create": [valid(items, nth)]}))
            }
            ("create_invitation", _) => Some(json!({"email": format!("invited{nth}@example.com")})),
            ("create_api_key", _) => Some(json!({"label": "program", "scopes": ["documents:read"]})),
            ("rotate_api_key", _) => Some(json!({"overlap_seconds": 60})),
            // To one telephone not much is sent.
            ("enrol_sms", _) => Some(json!({"phone": format!("+4179{nth:07}")})),
            ("step_up", _) => Some(json!({"method": "password", "password": PASSWORD})),
            ("change_password", _) => Some(json!({"current_password": PASSWORD, "new_password": PASSWORD})),
            ("log_in", _) => Some(json!({"email": "nobody@example.com", "password": PASSWORD})),
            (_, Body::Json { schema, .. } | Body::Record { schema }) => Some(valid_body(schema, nth)),
        }
    }

    /// A request that succeeds for whoever may make it.
    pub fn request(&self, app: &TestApp, route: &Route) -> Request {
        self.request_to(app, route, &self.path(route))
    }

    /// The same to another path.
    pub fn request_to(&self, app: &TestApp, route: &Route, path: &str) -> Request {
        let request = app.request(route.method.clone(), path);
        let request = match self.body(route) {
            Some(body) => request.json(&body),
            None => request,
        };
        let is_conditional =
            [Method::PATCH, Method::PUT, Method::DELETE].contains(&route.method) && route.path.contains("/settings");
        if is_conditional { request.header("if-match", "*") } else { request }
    }
}

/// An identity that no provider was asked about.
async fn identity(app: &TestApp, owner: &Person) -> String {
    let ctx = app.db.ctx();
    let (id, user_id): (IdentityId, _) = (ctx.new_id(), UserId::parse(&owner.id).unwrap());
    let sql = "INSERT INTO identities (id, user_id, provider, issuer, subject, created_at, last_used_at) \
               VALUES ($1, $2, 'somewhere', 'https://somewhere.example', $3, $4, $4)";
    let written = ctx.write(move |ctx, tx| {
        Box::pin(async move {
            let params = [id.into(), user_id.into(), id.to_string().into(), ctx.now().into()];
            tx.execute(sql, &params).await
        })
    });
    written.await.unwrap();
    id.to_string()
}

async fn invitation(app: &TestApp, administrator: &Person, email: &str) -> String {
    let request = app.post("/admin/v1/invitations", &json!({"email": email})).bearer(&administrator.token);
    request.send().await.expect(201).json()["id"].as_str().unwrap().to_owned()
}
