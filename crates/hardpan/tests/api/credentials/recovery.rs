//! `DELETE /admin/v1/users/{id}/factors`: when every factor is lost, an administrator and nothing else helps.
use std::time::Duration;

use serde_json::json;

use super::{NEW_PASSWORD, RESET, reset::rows};
use crate::support::{Answer, Audit, Authenticator, PASSWORD, Person, SoftKey, TestApp, on_both, on_both_apps};

const TOLD: &str = "A way to log in was removed";
const TABLES: [&str; 3] = ["factors", "backup_codes", "passkeys"];

async fn reset(app: &TestApp, by: &Person, person: &Person) -> Answer {
    app.delete(&format!("/admin/v1/users/{}/factors", person.id)).bearer(&by.token).send().await
}

/// An administrator who proved two factors just now.
async fn administrator(app: &TestApp) -> (Authenticator, Person) {
    let admin = app.person("admin@example.com", &["admin"]).await;
    Authenticator::confirmed(app, &admin).await
}

/// Someone with every factor there is.
async fn armed(app: &TestApp, email: &str) -> Person {
    let person = app.register(email).await;
    let (_, person) = Authenticator::confirmed(app, &person).await;
    app.request(web::Method::POST, "/auth/v1/me/backup-codes").bearer(&person.token).send().await.expect(201);
    SoftKey::passkey().register(app, &person).await;
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn every_factor_goes_and_the_password_lets_in_again() {
    on_both(async |app| {
        let (_, admin) = administrator(&app).await;
        let before = rows(&app, &TABLES).await;
        let ann = armed(&app, "ann@example.com").await;
        assert!(rows(&app, &TABLES).await.iter().zip(&before).all(|(now, before)| now > before));
        let key = app.api_key(&ann, &["documents:read"]).await;
        let challenge = app.challenge("ann@example.com").await;
        app.letters().await;

        let mut audit = Audit::of(&app.db).await;
        reset(&app, &admin, &ann).await.expect(204);
        let actions = audit.actions().await;
        assert!(actions.contains(&"factors.reset".to_owned()), "{actions:?}");
        assert_eq!(rows(&app, &TABLES).await, before);
        // Nothing that was handed out before is good.
        assert!(!app.is_in(&ann.token).await);
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh})).send().await;
        refresh.expect_problem(401, "invalid_token");
        let documents = app.get("/api/v1/documents").bearer(&key.secret).send().await;
        documents.expect_problem(401, "invalid_token");
        app.verify(&challenge, "totp", "000000").send().await.expect_problem(401, "invalid_token");
        // The owner is told, not from where; there is a password, so nothing is mailed to set one.
        let letter = app.letters_to("ann@example.com").await;
        let told: Vec<_> = letter.iter().filter(|letter| letter.text.contains("by an administrator")).collect();
        assert_eq!((told.len(), told[0].subject.as_str()), (1, TOLD));
        assert!(!told[0].text.contains("Address:"), "{}", told[0].text);
        assert!(letter.iter().all(|letter| !letter.subject.contains(RESET)));
        let again = app.log_in("ann@example.com", PASSWORD).send().await.expect(200).json();
        assert_eq!(again["user"]["has_second_factor"], false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_way_in_is_left_a_link_sets_a_password() {
    on_both(async |app| {
        let (_, admin) = administrator(&app).await;
        let ann = armed(&app, "ann@example.com").await;
        let id = kernel::UserId::parse(&ann.id).unwrap();
        let ctx = app.db.ctx();
        let without = ctx.write(move |_, tx| {
            Box::pin(
                async move { tx.execute("UPDATE users SET password_hash = NULL WHERE id = $1", &[id.into()]).await },
            )
        });
        without.await.unwrap();
        reset(&app, &admin, &ann).await.expect(204);
        let token = app.letter("ann@example.com", RESET).await.token();
        app.reset(&token, NEW_PASSWORD).send().await.expect(204);
        app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_proved_two_factors_just_now_may_and_over_no_one_greater() {
    let roles = "[roles.reader]\n[roles.host]\npermissions = [\"users:manage\"]\n\
                 [roles.chief]\npermissions = [\"users:manage\", \"roles:manage\"]\n";
    on_both_apps(roles, &[], async |app| {
        let (authenticator, admin) = administrator(&app).await;
        let (ann, chief) = (armed(&app, "ann@example.com").await, app.person("chief@example.com", &["chief"]).await);
        let before = rows(&app, &TABLES).await;
        let weak = app.person("weak@example.com", &["admin"]).await;
        reset(&app, &ann, &ann).await.expect_problem(403, "forbidden");
        reset(&app, &weak, &ann).await.expect_problem(401, "fresh_login_required");
        app.advance(Duration::from_mins(6));
        reset(&app, &admin, &ann).await.expect_problem(401, "fresh_login_required");
        let challenge = app.challenge("admin@example.com").await;
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await.expect(200).json();
        let admin = crate::support::person(&answer);
        let nobody = Person { id: "usr_01h455vb4pex5vsknk084sn02q".to_owned(), ..ann.clone() };
        reset(&app, &admin, &nobody).await.expect_problem(404, "not_found");
        let host = app.person("host@example.com", &["host"]).await;
        let (_, host) = Authenticator::confirmed(&app, &host).await;
        for greater in [&admin, &chief] {
            reset(&app, &host, greater).await.expect_problem(403, "forbidden");
        }
        assert_eq!(rows(&app, &TABLES).await[1..], before[1..]);
        reset(&app, &host, &ann).await.expect(204);
        reset(&app, &admin, &host).await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lets_the_only_administrator_in_again() {
    on_both(async |app| {
        let (_, admin) = administrator(&app).await;
        let id = kernel::UserId::parse(&admin.id).unwrap();
        let mut audit = Audit::of(&app.db).await;
        app.server.identity.reset_factors(&app.db.ctx(), id).await.unwrap();
        assert!(audit.actions().await.contains(&"factors.reset".to_owned()));
        assert!(!app.is_in(&admin.token).await);
        let admin = app.login("admin@example.com").await;
        app.get("/admin/v1/users").bearer(&admin.token).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_link_alone_removes_no_factor() {
    on_both(async |app| {
        armed(&app, "ann@example.com").await;
        app.prove("ann@example.com").await;
        let before = rows(&app, &TABLES).await;
        let token = app.reset_token("ann@example.com").await;
        app.reset(&token, NEW_PASSWORD).send().await.expect(204);
        assert_eq!(rows(&app, &TABLES).await, before);
        let answer = app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect(200).json();
        assert_eq!(answer["mfa_required"], true);
    })
    .await;
}
