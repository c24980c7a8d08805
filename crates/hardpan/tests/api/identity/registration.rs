//! `POST /auth/v1/register`
use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, PASSWORD, TestApp, on_both, on_both_with};

async fn register(app: &TestApp, body: Json) -> Answer {
    app.post("/auth/v1/register", &body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_and_logged_in() {
    on_both(async |app| {
        let mut audit = Audit::of(&app.db).await;
        let body = json!({"email": "Ann@Example.com", "password": PASSWORD, "username": "ann", "name": "Ann Ó"});
        let answer = register(&app, body).await.expect(201);
        assert_eq!(answer.header("location"), Some("/auth/v1/me"));
        assert!(!answer.headers.contains_key("set-cookie"));
        let granted = answer.json();
        assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let user = &granted["user"];
        let shown = json!({
            "id": user["id"], "email": "Ann@Example.com", "email_verified": false, "has_second_factor": false, "username": "ann", "name": "Ann Ó", "preferences": {}, "roles": [],
            "state": "active", "created_at": "2026-11-21T09:00:00.000000Z", "updated_at": "2026-11-21T09:00:00.000000Z", "version": 1,
        });
        assert_eq!(user, &shown);
        let token = granted["access_token"].as_str().unwrap();
        assert_eq!(app.get("/auth/v1/me").bearer(token).send().await.expect(200).json(), shown);
        assert_eq!(audit.actions().await, ["account.created", "session.created"]);
        // Nothing of the password is kept or shown.
        assert!(!answer.text().contains("argon2") && !answer.text().contains(PASSWORD));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_and_a_user_name_are_one_persons_each_whatever_their_case() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "username": "Ann"});
        register(&app, body).await.expect(201);
        let mut audit = Audit::of(&app.db).await;
        for email in ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@example.Com"] {
            register(&app, json!({"email": email, "password": PASSWORD})).await.expect_problem(409, "email_taken");
        }
        for username in ["Ann", "ann", "ANN"] {
            let body = json!({"email": "other@example.com", "password": PASSWORD, "username": username});
            register(&app, body).await.expect_problem(409, "username_taken");
        }
        audit.none("registrations that were refused").await;
        register(&app, json!({"email": "other@example.com", "password": PASSWORD})).await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_long_hard_to_guess_and_taken_whole() {
    on_both(async |app| {
        for (password, code) in [
            ("1234567", "too_short"),
            ("correct horse!", "too_short"),
            ("правильный кон", "too_short"),
            ("passwordpassword", "common"),
            ("PasswordPassword!", "common"),
            ("123456789012345", "common"),
            ("annabel-smith-2026", "guessable"),
            ("Tested+AnnaBel-1", "guessable"),
            (&"x".repeat(1025), "too_long"),
            (&"ä".repeat(600), "too_long"),
        ] {
            let answer = register(&app, json!({"email": "annabel.smith@example.com", "password": password})).await;
            assert_eq!(
                answer.expect_problem(422, "invalid").errors(),
                [("password".to_owned(), code.to_owned())],
                "{password}"
            );
        }
        // Nothing is trimmed or cut off.
        let odd = format!("  {} é\u{301} \n ", "x".repeat(200));
        register(&app, json!({"email": "ann@example.com", "password": odd})).await.expect(201);
        for (password, status) in [
            (odd.as_str(), 200),
            // Looks alike, is alike.
            (&odd.replace('é', "e\u{301}"), 200),
            (&odd.replacen('x', "ｘ", 1), 200),
            (odd.trim(), 401),
            (&odd.to_uppercase(), 401),
            (&odd[..odd.len() - 1], 401),
        ] {
            let body = json!({"email": "ann@example.com", "password": password});
            app.post("/auth/v1/login", &body).send().await.expect(status);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_names_are_plain() {
    on_both(async |app| {
        for username in ["a b", "ann@example.com", "änn", "a/b", "<b>", "a\tb", "ann\u{200b}"] {
            let body = json!({"email": "ann@example.com", "password": PASSWORD, "username": username});
            let answer = register(&app, body).await.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [("username".to_owned(), "format".to_owned())], "{username}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_where_registration_is_closed() {
    on_both_with(&[("HARDPAN_AUTH__REGISTRATION", "closed")], async |app| {
        let ann = app.person("ann@example.com", &[]).await;
        let mut audit = Audit::of(&app.db).await;
        for email in ["new@example.com", "ann@example.com"] {
            // Whether or not there is such an account.
            register(&app, json!({"email": email, "password": PASSWORD}))
                .await
                .expect_problem(403, "registration_closed");
        }
        audit.none("closed registration").await;
        assert!(app.is_in(&app.login(&ann.email).await.token).await);
    })
    .await;
}

/// A range service: knows "correct horse battery stapler", and is told what of it was asked.
async fn range_service() -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/range", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            log.lock().unwrap().push(String::from_utf8(head).unwrap().to_lowercase());
            let body = "99AB20393F935976832C74EE8A323748F76:7\r\n0000000000000000000000000000000000A:0\r\n";
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_that_leaked_are_refused_where_a_service_says_so() {
    let (url, asked) = range_service().await;
    let environment = [("HARDPAN_AUTH__BREACHED_PASSWORDS", url.as_str()), ("HARDPAN_OUTBOUND__ALLOW", "127.0.0.0/8")];
    on_both_with(&environment, async |app| {
        asked.lock().unwrap().clear();
        let leaked = json!({"email": "ann@example.com", "password": "correct horse battery stapler"});
        let answer = register(&app, leaked).await.expect_problem(422, "invalid");
        assert_eq!(answer.errors(), [("password".to_owned(), "breached".to_owned())]);
        let heard = asked.lock().unwrap().clone();
        assert_eq!(heard.len(), 1);
        assert!(
            heard[0].starts_with("get /range/b4080 http/1.1\r\n") && heard[0].contains("\r\nadd-padding: true\r\n"),
            "{heard:?}"
        );
        register(&app, json!({"email": "ann@example.com", "password": PASSWORD})).await.expect(201);
        // Refused before anybody is asked.
        let common = json!({"email": "bob@example.com", "password": "passwordpassword"});
        register(&app, common).await.expect_problem(422, "invalid");
        assert_eq!(asked.lock().unwrap().len(), 2);
    })
    .await;
    // Nobody listens there: people can still register.
    let gone =
        [("HARDPAN_AUTH__BREACHED_PASSWORDS", "http://127.0.0.1:9/range"), ("HARDPAN_OUTBOUND__ALLOW", "127.0.0.0/8")];
    on_both_with(&gone, async |app| {
        register(&app, json!({"email": "ann@example.com", "password": "correct horse battery stapler"}))
            .await
            .expect(201);
    })
    .await;
}
