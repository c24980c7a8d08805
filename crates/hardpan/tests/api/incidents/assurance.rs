//! How well somebody proved who they are comes from the kinds of their proofs, and not from how many there are.
use serde_json::json;

use crate::{
    oauth::providers::{claims, on_both_with_more, tokens},
    support::{Authenticator, PASSWORD, TestApp, person},
};

async fn administers(app: &TestApp, token: &str) -> bool {
    let answer = app.get("/admin/v1/users").bearer(token).send().await;
    assert!(answer.status == 200 || answer.code() == "fresh_login_required", "{}", answer.text());
    answer.status == 200
}

/// CVE-2024-45042, Kratos: two proofs were two factors, though both were of one kind.
#[tokio::test(flavor = "multi_thread")]
async fn kratos_cve_2024_45042_two_proofs_of_one_kind_are_one_factor() {
    on_both_with_more(&[("HARDPAN_AUTH__REQUIRE_MFA", "admin")], async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let token = app.post("/auth/v1/email/resend", &json!({"email": admin.email}));
        token.send().await.expect(202);
        let token = app.letter(&admin.email, crate::credentials::VERIFY).await.token();
        app.verify_email(&token).send().await.expect(204);
        let step_up = async |token: &str, body: serde_json::Value| {
            let granted = app.post("/auth/v1/step-up", &body).bearer(token).send().await.expect(200);
            person(&granted.json()).token
        };
        let by_password = json!({"method": "password", "password": PASSWORD});
        // The password again and again.
        let mut token = admin.token;
        for _ in 0..3 {
            assert!(!administers(&app, &token).await, "a password is one factor, however often it is given");
            token = step_up(&token, by_password.clone()).await;
        }
        // A provider, and then the password: two first factors.
        let federated = person(&tokens(&app, &claims("admin", &admin.email, true)).await).token;
        let both = step_up(&federated, by_password.clone()).await;
        assert!(!administers(&app, &both).await, "a provider and a password are one factor");
        // A code beside it is another kind, and a backup code beside that is not a third.
        let admin = crate::support::Person { token: both, ..app.login(&admin.email).await };
        let (authenticator, admin) = Authenticator::confirmed(&app, &admin).await;
        assert!(administers(&app, &admin.token).await);
        let codes = app.request(web::Method::POST, "/auth/v1/me/backup-codes").bearer(&admin.token);
        let codes = codes.send().await.expect(201).json();
        // What proves the second factor anew is no second first one: freshness is of both.
        app.advance(std::time::Duration::from_mins(6));
        let fresh = step_up(&admin.token, json!({"method": "backup_code", "code": codes["codes"][0]})).await;
        let fresh = step_up(&fresh, json!({"method": "totp", "code": authenticator.code(&app)})).await;
        assert!(administers(&app, &fresh).await, "for as long as the session stands");
    })
    .await;
}
