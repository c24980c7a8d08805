//! `/admin/v1/invitations` and `POST /auth/v1/invitations/accept`: accounts that are offered.
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{NEW_PASSWORD, reset::rows};
use crate::support::{Answer, Audit, PASSWORD, Person, Request, TestApp, all, on_both_apps};

const PATH: &str = "/admin/v1/invitations";
const SUBJECT: &str = "You are invited";
const ROLES: &str = r#"
[roles.reader]
[roles.viewer]
permissions = ["users:read"]
[roles.host]
permissions = ["users:manage"]
[roles.chief]
permissions = ["users:manage", "roles:manage", "users:read"]
"#;

async fn on_both(mode: &str, test: impl AsyncFn(TestApp)) {
    on_both_apps(ROLES, &[("HARDPAN_AUTH__REGISTRATION", mode)], test).await;
}

fn invite(app: &TestApp, by: &Person, email: &str, roles: &[&str]) -> Request {
    app.post(PATH, &json!({"email": email, "roles": roles})).bearer(&by.token)
}

fn accept(app: &TestApp, token: &str) -> Request {
    app.post("/auth/v1/invitations/accept", &json!({"token": token, "password": PASSWORD}))
}

async fn listed(app: &TestApp, by: &Person) -> Vec<Json> {
    let page = app.get(PATH).bearer(&by.token).send().await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// Invites, and gives the token that is mailed.
async fn token(app: &TestApp, by: &Person, email: &str, roles: &[&str]) -> String {
    invite(app, by, email, roles).send().await.expect(201);
    app.letter(email, SUBJECT).await.token()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_an_account_in_every_mode() {
    for mode in ["open", "verify_first", "invite", "closed"] {
        on_both(mode, async |app| {
            let admin = app.person("admin@example.com", &["admin"]).await;
            let mut audit = Audit::of(&app.db).await;
            let answer = invite(&app, &admin, "Ann@Example.com", &["reader", "viewer"]).send().await.expect(201).json();
            let invitation = json!({
                "id": answer["id"], "email": "Ann@Example.com", "roles": ["reader", "viewer"], "invited_by": admin.id,
                "created_at": "2026-11-21T09:00:00.000000Z", "expires_at": "2026-11-28T09:00:00.000000Z",
            });
            assert_eq!(answer, invitation);
            assert_eq!(listed(&app, &admin).await, [invitation]);
            assert_eq!(audit.actions().await, ["invitation.created"]);
            let letter = app.letter("Ann@Example.com", SUBJECT).await;
            assert!(letter.text.contains("admin@example.com invites you"), "{}", letter.text);
            assert!(letter.link().starts_with("http://127.0.0.1:8080/auth/invitation#token="), "{}", letter.link());

            let body = json!({"token": letter.token(), "password": PASSWORD, "username": "ann", "name": "Ann Ó"});
            let user = app.post("/auth/v1/invitations/accept", &body).send().await.expect(201).json();
            assert_eq!((&user["email"], &user["email_verified"]), (&json!("Ann@Example.com"), &json!(true)));
            assert_eq!((&user["username"], &user["name"]), (&json!("ann"), &json!("Ann Ó")));
            let mut actions = audit.actions().await;
            actions.sort();
            assert_eq!(actions, ["account.created", "invitation.accepted", "role.assigned"]);
            let ann = app.login("ann@example.com").await;
            assert_eq!(app.me(&ann).await["roles"], json!(["reader", "viewer"]));
            app.get("/admin/v1/users").bearer(&ann.token).send().await.expect(200);
            // Once.
            app.post("/auth/v1/invitations/accept", &body).send().await.expect_problem(401, "invalid_token");
            assert!(listed(&app, &admin).await.is_empty());
            let register = app.post("/auth/v1/register", &json!({"email": "new@example.com", "password": PASSWORD}));
            let status = match mode {
                "open" => 201,
                "verify_first" => 202,
                _ => 403,
            };
            let answer = register.send().await.expect(status);
            assert!(status != 403 || answer.code() == "registration_closed");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_promises_more_than_they_may_give() {
    on_both("invite", async |app| {
        let host = app.person("host@example.com", &["host"]).await;
        let chief = app.person("chief@example.com", &["chief", "viewer"]).await;
        let stranger = app.person("stranger@example.com", &["viewer"]).await;
        let outcome =
            async |by: &Person, email: &str, roles: &[&str]| invite(&app, by, email, roles).send().await.outcome();
        let forbidden = (403, "forbidden".to_owned());
        assert_eq!(outcome(&stranger, "a@example.com", &[]).await, forbidden);
        assert_eq!(outcome(&host, "a@example.com", &["reader"]).await, forbidden);
        assert_eq!(outcome(&host, "a@example.com", &[]).await.0, 201);
        assert_eq!(outcome(&chief, "b@example.com", &["admin"]).await, forbidden);
        // Without permissions, and powerful by the rules that ask for it.
        assert_eq!(outcome(&chief, "b@example.com", &["reader"]).await, forbidden);
        assert_eq!(outcome(&chief, "b@example.com", &["viewer", "chief"]).await.0, 201);
        assert_eq!(outcome(&chief, "c@example.com", &["nobody"]).await, (422, "invalid".to_owned()));
    })
    .await;
}

/// What somebody promised who was shut out since is worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_ends_with_its_inviters_right_to_send_it() {
    on_both("invite", async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let chief = app.person("chief@example.com", &["chief", "viewer"]).await;
        let (ann, bob, dan) = (
            token(&app, &chief, "ann@example.com", &["viewer"]).await,
            token(&app, &chief, "bob@example.com", &[]).await,
            token(&app, &chief, "dan@example.com", &["viewer"]).await,
        );
        let set = async |roles: &[&str]| {
            let path = format!("/admin/v1/users/{}/roles", chief.id);
            let put = app.request(web::Method::PUT, &path).json(&json!({"roles": roles})).bearer(&admin.token);
            put.send().await.expect(200);
        };
        set(&["chief"]).await;
        accept(&app, &dan).send().await.expect_problem(401, "invalid_token");
        set(&["host", "viewer"]).await;
        accept(&app, &ann).send().await.expect_problem(401, "invalid_token");
        accept(&app, &bob).send().await.expect(201);
        set(&["chief"]).await;
        let cid = token(&app, &chief, "cid@example.com", &[]).await;
        set(&[]).await;
        accept(&app, &cid).send().await.expect_problem(401, "invalid_token");
        assert_eq!(rows(&app, &["users"]).await, [3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_an_account_is_not_invited_and_takes_none() {
    on_both("open", async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = token(&app, &admin, "ann@example.com", &[]).await;
        app.register("ann@example.com").await;
        accept(&app, &ann).send().await.expect_problem(409, "email_taken");
        invite(&app, &admin, "ANN@example.com", &[]).send().await.expect_problem(409, "email_taken");
        // A password is looked at as at a registration, and the link is not used up by it.
        let bob = token(&app, &admin, "bob@example.com", &[]).await;
        let short = app.post("/auth/v1/invitations/accept", &json!({"token": bob, "password": "12345678"}));
        short.send().await.expect_problem(422, "invalid");
        let taken = json!({"token": bob, "password": PASSWORD, "username": "zed"});
        let zed = app.register("zed@example.com").await;
        app.patch("/auth/v1/me", &json!({"username": "zed"})).bearer(&zed.token).send().await.expect(200);
        let answer = app.post("/auth/v1/invitations/accept", &taken).send().await;
        answer.expect_problem(409, "username_taken");
        accept(&app, &bob).send().await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_accept_at_once_one_makes_the_account() {
    on_both("invite", async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let token = token(&app, &admin, "ann@example.com", &["reader"]).await;
        let answers: Vec<Answer> = all((0..50).map(|_| accept(&app, &token)).collect()).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(401)), (1, 49), "{answers:?}");
        assert_eq!(rows(&app, &["users", "user_roles"]).await, [2, 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_end_by_time_by_a_later_one_and_by_being_withdrawn() {
    on_both("invite", async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let first = token(&app, &admin, "ann@example.com", &["reader"]).await;
        invite(&app, &admin, "ann@example.com", &[]).send().await.expect_problem(429, "rate_limited");
        app.advance(Duration::from_mins(1));
        invite(&app, &admin, "Ann@example.com", &[]).send().await.expect(201);
        let items = listed(&app, &admin).await;
        assert_eq!((items.len(), &items[0]["roles"]), (1, &json!([])));
        accept(&app, &first).send().await.expect_problem(401, "invalid_token");
        let letters = app.letters().await;
        let later = letters.iter().find(|letter| letter.to.contains("Ann@example.com")).unwrap().token();

        let path = format!("{PATH}/{}", items[0]["id"].as_str().unwrap());
        let mut audit = Audit::of(&app.db).await;
        app.delete(&path).bearer(&admin.token).send().await.expect(204);
        assert_eq!(audit.actions().await, ["invitation.withdrawn"]);
        app.delete(&path).bearer(&admin.token).send().await.expect_problem(404, "not_found");
        let hashes = app.server.identity.password_hashes();
        accept(&app, &later).send().await.expect_problem(401, "invalid_token");
        // Whoever has no link gets no hash computed.
        assert_eq!(app.server.identity.password_hashes(), hashes);

        let old = token(&app, &admin, "bob@example.com", &[]).await;
        app.advance(Duration::from_hours(7 * 24));
        accept(&app, &old).send().await.expect_problem(401, "invalid_token");
        let admin = app.login("admin@example.com").await;
        assert!(listed(&app, &admin).await.is_empty());
        assert_eq!(rows(&app, &["invitations"]).await, [1]);
        app.server.identity.purge(&app.db.ctx()).await.unwrap();
        assert_eq!(rows(&app, &["invitations"]).await, [0]);
        app.log_in("bob@example.com", NEW_PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_invitation_under_one_key_is_sent_once() {
    on_both("invite", async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let request = invite(&app, &admin, "ann@example.com", &[]).header("idempotency-key", "one");
        let first = request.clone().send().await.expect(201);
        let second = request.send().await.expect(201);
        assert_eq!((first.json(), second.header("idempotency-replayed")), (second.json(), Some("true")));
        assert_eq!(app.letters_to("ann@example.com").await.len(), 1);
    })
    .await;
}
