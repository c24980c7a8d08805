//! The access table: every route against an anonymous caller, a stranger, the owner and an administrator.
use std::collections::BTreeSet;

use serde_json::json;
use web::{Method, Route};

use crate::support::{Person, Request, Targets, TestApp, on_both};

/// What each of the four is answered: anonymous, stranger, owner, administrator.
///
/// A new route has no row here and fails the test: write one, from the contract and not from what the route answers.
const TABLE: &[(&[&str], [u16; 4])] = &[
    (&["live", "ready", "health", "openapi", "docs", "list_signing_keys", "log_in", "refresh"], [200, 200, 200, 200]),
    (&["register"], [201, 201, 201, 201]),
    // Its challenge is nobody's.
    (&["verify_mfa", "send_mfa"], [401, 401, 401, 401]),
    (&["list_factors", "count_backup_codes", "step_up"], [401, 200, 200, 200]),
    (&["list_devices"], [401, 200, 200, 200]),
    (&["delete_device"], [401, 404, 204, 404]),
    (&["enrol_totp", "enrol_sms", "enrol_email"], [401, 201, 201, 201]),
    (&["delete_factor"], [401, 404, 204, 404]),
    // None of them has a factor whose codes are sent.
    (&["send_step_up"], [401, 404, 404, 404]),
    // The owner's code is wrong, the others find nothing.
    (&["confirm_factor"], [401, 404, 401, 404]),
    // None of them has a second factor.
    (&["create_backup_codes"], [401, 409, 409, 409]),
    // Their links are nobody's.
    (&["verify_email", "undo_email_change", "reset_password", "accept_invitation"], [401, 401, 401, 401]),
    (&["resend_verification", "forgot_password"], [202, 202, 202, 202]),
    (&["change_email"], [401, 202, 202, 202]),
    (&["change_password"], [401, 204, 204, 204]),
    (&["verify_page", "reset_page", "undo_page", "invitation_page"], [200, 200, 200, 200]),
    // There is no such provider, no log-in under way, and no code.
    (&["begin_oauth"], [404, 404, 404, 404]),
    (&["end_oauth", "fetch_oauth_tokens"], [401, 401, 401, 401]),
    (&["list_identities"], [401, 200, 200, 200]),
    (&["delete_identity"], [401, 404, 204, 404]),
    (&["start_passkey_login"], [200, 200, 200, 200]),
    (&["start_passkey_registration", "list_passkeys"], [401, 200, 200, 200]),
    // No authenticator made what is sent here.
    (&["finish_passkey_registration", "finish_passkey_step_up"], [401, 422, 422, 422]),
    (&["finish_passkey_login", "finish_passkey_factor"], [422, 422, 422, 422]),
    // The challenge is nobody's, and none of them has a passkey.
    (&["start_passkey_factor"], [401, 401, 401, 401]),
    (&["start_passkey_step_up"], [401, 404, 404, 404]),
    (&["update_passkey"], [401, 404, 200, 404]),
    (&["delete_passkey"], [401, 404, 204, 404]),
    (&["log_out"], [204, 204, 204, 204]),
    (&["get_me", "update_me", "list_sessions"], [401, 200, 200, 200]),
    (&["delete_me", "delete_other_sessions"], [401, 204, 204, 204]),
    // Not even administrators end a session by this path.
    (&["delete_session"], [401, 404, 204, 404]),
    (
        &["list_users", "get_user", "list_roles", "set_user_roles", "update_user", "list_user_sessions"],
        [401, 403, 403, 200],
    ),
    (&["delete_user_sessions"], [401, 403, 403, 204]),
    // The administrator proved one factor, and this wants two.
    (&["reset_user_factors"], [401, 403, 403, 401]),
    (&["list_invitations"], [401, 403, 403, 200]),
    (&["create_invitation"], [401, 403, 403, 201]),
    (&["delete_invitation"], [401, 403, 403, 204]),
    (&["list_api_keys"], [401, 200, 200, 200]),
    (&["create_api_key"], [401, 201, 201, 201]),
    (&["delete_api_keys"], [401, 204, 204, 204]),
    (&["get_api_key", "rotate_api_key"], [401, 404, 200, 404]),
    (&["delete_api_key"], [401, 404, 204, 404]),
    (&["list_user_api_keys"], [401, 403, 403, 200]),
    (&["delete_user_api_key", "delete_user_api_keys"], [401, 403, 403, 204]),
    // Folders are without rules: the owner's and administrators'.
    (&["list_folders", "aggregate_folders"], [401, 200, 200, 200]),
    (&["create_folders"], [401, 201, 201, 201]),
    (&["batch_folders", "batch_documents"], [401, 200, 200, 200]),
    (&["get_folders", "update_folders", "replace_folders"], [401, 404, 200, 200]),
    (&["delete_folders"], [401, 404, 204, 204]),
    // The rules of documents forget administrators, and open those that are done to everyone.
    (&["list_documents", "aggregate_documents"], [200, 200, 200, 200]),
    (&["create_documents"], [401, 201, 201, 201]),
    (&["get_documents", "update_documents", "replace_documents", "restore_documents"], [401, 404, 200, 404]),
    (&["delete_documents"], [401, 404, 204, 404]),
    // Settings are nobody's and without rules: administrators only.
    (&["list_settings", "aggregate_settings"], [401, 200, 200, 200]),
    (&["create_settings"], [401, 403, 403, 201]),
    (&["batch_settings", "batch_notices"], [401, 403, 403, 200]),
    (&["get_settings", "update_settings", "replace_settings"], [401, 404, 404, 200]),
    (&["delete_settings"], [401, 404, 404, 204]),
    // Notices: everyone reads, administrators write, nobody deletes.
    (&["list_notices", "aggregate_notices", "get_notices"], [200, 200, 200, 200]),
    (&["create_notices"], [401, 403, 403, 201]),
    (&["update_notices", "replace_notices"], [401, 403, 403, 200]),
    (&["delete_notices"], [401, 403, 403, 403]),
];

/// The row of an operation.
pub fn expected(operation: &str) -> Option<[u16; 4]> {
    TABLE.iter().find(|(operations, _)| operations.contains(&operation)).map(|(_, row)| *row)
}

const CALLERS: [&str; 4] = ["anonymous", "stranger", "owner", "administrator"];

/// The people of the table; anonymous is none of them.
struct Cast {
    stranger: Person,
    owner: Person,
    administrator: Person,
    targets: Targets,
}

impl Cast {
    async fn new(app: &TestApp) -> Self {
        let stranger = app.register("stranger@example.com").await;
        let owner = app.register("owner@example.com").await;
        let administrator = app.person("administrator@example.com", &["admin"]).await;
        let targets = Targets::new(app, &owner, &administrator).await;
        Self { stranger, owner, administrator, targets }
    }

    fn person(&self, caller: &str) -> Option<&Person> {
        match caller {
            "stranger" => Some(&self.stranger),
            "owner" => Some(&self.owner),
            "administrator" => Some(&self.administrator),
            _ => None,
        }
    }

    /// A request of the route that succeeds unless access is refused; no row spoils the next.
    async fn request(&self, app: &TestApp, route: &Route, caller: &str) -> Request {
        let is_restore = route.path.ends_with("/{id}/restore");
        let path = if is_restore
            || route.path.ends_with("/confirm")
            || route.method == Method::DELETE && route.path.contains("{id}")
        {
            let id = self.targets.fresh(app, route, &self.owner, &self.administrator).await;
            let path = self.targets.path_to(route, &id);
            if let Some(record) = path.strip_suffix("/restore") {
                app.delete(record).bearer(&self.owner.token).send().await.expect(204);
            }
            path
        } else {
            self.targets.path(route)
        };
        let mut request = self.targets.request_to(app, route, &path);
        let operation = &*route.operation.id;
        if operation == "refresh" {
            // Anonymous callers hold refresh tokens all the same.
            let holder = self.person(caller).unwrap_or(&self.stranger);
            request = app.post(&path, &json!({"refresh_token": holder.refresh}));
        }
        let Some(person) = self.person(caller) else { return request };
        let with_doubles = [
            "delete_me",
            "delete_other_sessions",
            "delete_api_keys",
            "log_out",
            "step_up",
            "change_password",
            // Only so many codes go to one account.
            "enrol_sms",
            "enrol_email",
        ];
        if with_doubles.contains(&operation) {
            let roles: &[&str] = if caller == "administrator" { &["admin"] } else { &[] };
            let double = app.person(&format!("{caller}.{operation}@example.com"), roles).await;
            return request.bearer(&double.token);
        }
        if ["update_passkey", "delete_passkey"].contains(&operation) && caller == "owner" {
            return request.bearer(&self.targets.holder.token);
        }
        request.bearer(&person.token)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_each_of_the_four_as_the_table_says() {
    on_both(async |app| {
        let cast = Cast::new(&app).await;
        let mut wrong = Vec::new();
        for route in app.routes() {
            let operation = &*route.operation.id;
            let Some(row) = expected(operation) else {
                wrong.push(format!("{operation}: nobody said who may call it; give it a row"));
                continue;
            };
            for (caller, status) in CALLERS.into_iter().zip(row) {
                let answer = cast.request(&app, route, caller).await.send().await;
                if answer.status != status {
                    wrong.push(format!("{operation} as {caller}: {}, not {status}: {}", answer.status, answer.text()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_as_get_is_without_a_body() {
    on_both(async |app| {
        let cast = Cast::new(&app).await;
        for route in app.routes().iter().filter(|route| route.method == Method::GET) {
            for (caller, status) in CALLERS.into_iter().zip(expected(&route.operation.id).unwrap()) {
                let as_caller = |request: Request| match cast.person(caller) {
                    Some(person) => request.bearer(&person.token),
                    None => request,
                };
                let path = cast.targets.path(route);
                let head = as_caller(app.request(Method::HEAD, &path)).send().await.expect(status);
                let get = as_caller(app.get(&path)).send().await;
                assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
                assert_eq!(head.header("etag"), get.header("etag"), "{path}");
                // Request ids and counters have the same length in both.
                if operation_is_steady(&route.operation.id) {
                    assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
                }
            }
        }
    })
    .await;
}

/// Whether two answers in a row have the same length.
fn operation_is_steady(operation: &str) -> bool {
    operation != "health"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_is_a_route_that_names_its_operation_once() {
    on_both(async |app| {
        let names: BTreeSet<&str> = app.routes().iter().map(|route| &*route.operation.id).collect();
        assert_eq!(names.len(), app.routes().len(), "two routes share an operation id");
        let rows: Vec<&str> = TABLE.iter().flat_map(|(operations, _)| operations.iter().copied()).collect();
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "an operation has two rows");
        let stale: Vec<_> = rows.iter().filter(|name| !names.contains(**name)).collect();
        assert!(stale.is_empty(), "rows without a route: {stale:?}");
    })
    .await;
}
