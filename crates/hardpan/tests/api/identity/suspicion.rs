//! Log-ins from places too far apart, by a database of places made here; and what is asked of a log-in that is out of the ordinary.
use std::{fs, path::Path, time::Duration};

use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::security_log::rename;
use crate::{
    credentials::rows,
    support::{Audit, Authenticator, Letter, PASSWORD, Person, Request, SecurityLog, TestApp, on_both_with, person},
};

const LONDON: &str = "81.2.69.142";
const PARIS: &str = "163.172.1.1";
const SEATTLE: &str = "216.160.83.56";
const SUBJECT: &str = "Log-ins to your account from far apart";
const MINUTE: Duration = Duration::from_mins(1);

// The types of the format are those of the numbers: sixteen bits are no sixty-four.
#[derive(Serialize)]
struct City {
    country: Country,
    location: Location,
}

#[derive(Serialize)]
struct Country {
    iso_code: &'static str,
}

#[derive(Serialize)]
struct Location {
    latitude: f64,
    longitude: f64,
    accuracy_radius: u16,
}

/// A database of some networks.
fn write_database(path: &Path, kind: &str) {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V4;
    database.metadata.binary_format_major_version = 2;
    kind.clone_into(&mut database.metadata.database_type);
    for (network, latitude, longitude, accuracy_radius, iso_code) in [
        ("81.2.69.0/24", 51.5142, -0.0931, 10_u16, "GB"),
        ("163.172.0.0/16", 48.8566, 2.3522, 20, "FR"),
        ("216.160.83.0/24", 47.2513, -122.3149, 22, "US"),
        // No database has these; if one did, they would still be nowhere.
        ("127.0.0.0/8", 0.0, 0.0, 1, "XX"),
        ("10.0.0.0/8", -80.0, 170.0, 1, "XX"),
    ] {
        let location = Location { latitude, longitude, accuracy_radius };
        let place = City { country: Country { iso_code }, location };
        let data = database.insert_value(place).unwrap();
        database.insert_node(network.parse::<IpAddrWithMask>().unwrap(), data);
    }
    database.write_to(fs::File::create(path).unwrap()).unwrap();
}

/// Runs `test` on each engine with places, and more of an environment.
async fn on_both_placed(more: &[(&str, &str)], test: impl AsyncFn(TestApp)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.mmdb");
    write_database(&path, "GeoLite2-City");
    let own = [("HARDPAN_AUTH__GEO_DATABASE", path.to_str().unwrap())];
    on_both_with(&[&own[..], more].concat(), test).await;
}

/// A log-in of Ann's on a device that is known, or on none.
fn log_in(app: &TestApp, device: &str, address: &str) -> Request {
    let request = app.post("/auth/v1/login", &json!({"email": "ann@example.com", "password": PASSWORD})).peer(address);
    if device.is_empty() { request } else { request.header("x-device-token", device) }
}

/// Ann, whose device is known and who registered in London.
async fn ann(app: &TestApp) -> (Person, String) {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let answer = app.post("/auth/v1/register", &body).peer(LONDON).send().await.expect(201).json();
    (person(&answer), answer["device_token"].as_str().unwrap().to_owned())
}

async fn warnings(app: &TestApp) -> Vec<Letter> {
    let letters = app.letters_to("ann@example.com").await;
    letters.into_iter().filter(|letter| letter.subject.contains(SUBJECT)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_in_seattle_an_hour_after_london() {
    on_both_placed(&[], async |app| {
        let (_, device) = ann(&app).await;
        let mut audit = Audit::of(&app.db).await;
        app.advance(60 * MINUTE);
        let answer = log_in(&app, &device, SEATTLE).header("user-agent", "Other/2.0").send().await.expect(200).json();
        let news = audit.news().await;
        let entry = news.iter().find(|entry| entry.action == "login.impossible_travel").unwrap();
        let after = json!({
            "user_id": answer["user"]["id"], "from": "GB", "left_at": "2026-11-21T09:00:00.000000Z", "to": "US",
            "kilometres": entry.after["kilometres"],
        });
        assert_eq!((&entry.after, entry.address.as_deref()), (&after, Some(SEATTLE)));
        // 7,730 km, less the radii.
        let kilometres = entry.after["kilometres"].as_i64().unwrap();
        assert!((7650..7750).contains(&kilometres), "{kilometres}");
        let letters = warnings(&app).await;
        assert_eq!(letters.len(), 1);
        for part in [SEATTLE, "US", "GB", "2026-11-21 09:00 UTC", "2026-11-21 10:00 UTC", "Other/2.0"] {
            assert!(letters[0].text.contains(part), "{part}: {}", letters[0].text);
        }
        // Where a session was begun is told to its owner.
        let ann = person(&answer);
        let page = app.get("/auth/v1/sessions").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!((&page["items"][0]["country"], &page["items"][1]["country"]), (&json!("US"), &json!("GB")));
        // A fresh proof moves nothing: the log-in before the next is still the one in Seattle.
        let body = json!({"method": "password", "password": PASSWORD});
        app.post("/auth/v1/step-up", &body).bearer(&ann.token).peer(LONDON).send().await.expect(200);
        audit.news().await;
        log_in(&app, &device, SEATTLE).send().await.expect(200);
        assert_eq!(audit.actions().await, ["session.created"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_is_no_signal() {
    on_both_placed(&[], async |app| {
        let (_, device) = ann(&app).await;
        let mut audit = Audit::of(&app.db).await;
        // Near; of nobody knows where; slow enough.
        for (minutes, address) in [
            (0, LONDON),
            (0, PARIS),
            (0, "127.0.0.1"),
            (0, "10.1.2.3"),
            (0, "8.8.8.8"),
            (0, "2a00:1450:4001::1"),
            (0, LONDON),
            (8 * 60, SEATTLE),
        ] {
            app.advance(minutes * MINUTE);
            log_in(&app, &device, address).send().await.expect(200);
            assert_eq!(audit.actions().await, ["session.created"], "{address}");
        }
        // A log-in of nobody knows where is passed over: Seattle is what London is held against.
        log_in(&app, &device, "127.0.0.1").send().await.expect(200);
        audit.news().await;
        app.advance(MINUTE);
        log_in(&app, &device, LONDON).send().await.expect(200);
        assert_eq!(audit.actions().await, ["login.impossible_travel", "session.created"]);
        // Addresses of IPv4 in IPv6 are those.
        app.advance(MINUTE);
        log_in(&app, &device, &format!("::ffff:{SEATTLE}")).send().await.expect(200);
        assert_eq!(audit.actions().await, ["login.impossible_travel", "session.created"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_that_is_odd_in_two_ways_is_one_mail() {
    on_both_placed(&[], async |app| {
        ann(&app).await;
        let before = app.letters_to("ann@example.com").await.len();
        let mut audit = Audit::of(&app.db).await;
        log_in(&app, "", SEATTLE).send().await.expect(200);
        assert_eq!(audit.actions().await, ["login.impossible_travel", "login.new_device", "session.created"]);
        assert_eq!((app.letters_to("ann@example.com").await.len(), warnings(&app).await.len()), (before + 1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_that_is_undone_is_no_line_in_the_log() {
    on_both_placed(&[], async |app| {
        let (_, device) = ann(&app).await;
        // In Seattle; no other test is there.
        let address = "216.160.83.57";
        let mut log = SecurityLog::of("address", address);
        rename(&app, "ALTER TABLE sendings RENAME TO gone").await;
        log_in(&app, &device, address).may_fail().send().await.expect(500);
        assert!(log.news().is_empty());
        rename(&app, "ALTER TABLE gone RENAME TO sendings").await;
        log_in(&app, &device, address).send().await.expect(200);
        assert_eq!(log.news(), ["impossible_travel"]);
    })
    .await;
}

const STEP_UP: [(&str, &str); 1] = [("HARDPAN_AUTH__ON_SUSPICION", "step_up")];

/// Answers a challenge by a code.
async fn verify(app: &TestApp, challenge: &Json, method: &str, code: &str, address: &str) -> crate::support::Answer {
    let body = json!({"challenge_id": challenge["challenge_id"], "method": method, "code": code, "trust_device": true});
    app.post("/auth/v1/mfa/verify", &body).peer(address).send().await
}

/// Adds an authenticator app, and has the device trusted in London.
async fn trust(app: &TestApp, ann: &Person, device: &str) -> Authenticator {
    let (authenticator, _) = Authenticator::confirmed(app, ann).await;
    app.advance(MINUTE);
    let challenge = log_in(app, device, LONDON).send().await.expect(200).json();
    let body = json!({
        "challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(app), "trust_device": true,
    });
    let verify = app.post("/auth/v1/mfa/verify", &body).peer(LONDON).header("x-device-token", device);
    verify.send().await.expect(200);
    authenticator
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_device_is_asked_when_something_is_odd() {
    on_both_placed(&STEP_UP, async |app| {
        let (ann, device) = ann(&app).await;
        let authenticator = trust(&app, &ann, &device).await;
        // Trusted, and as ever.
        let granted = log_in(&app, &device, LONDON).send().await.expect(200).json();
        assert!(granted["access_token"].is_string(), "{granted}");
        let mut audit = Audit::of(&app.db).await;
        let challenge = log_in(&app, &device, SEATTLE).send().await.expect(200).json();
        assert_eq!((&challenge["mfa_required"], &challenge["methods"]), (&json!(true), &json!(["totp"])));
        assert_eq!(audit.only("login.stepped_up").await.after, json!({"signals": ["impossible_travel"]}));
        app.advance(MINUTE);
        let body =
            json!({"challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(&app)});
        let verify = app.post("/auth/v1/mfa/verify", &body).peer(SEATTLE).header("x-device-token", &device);
        verify.send().await.expect(200);
        assert_eq!(audit.actions().await, ["login.impossible_travel", "session.created"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_second_factor_a_code_goes_to_the_proven_address() {
    on_both_placed(&STEP_UP, async |app| {
        let (_, device) = ann(&app).await;
        // Nobody proved the address yet: nothing can be asked.
        app.advance(MINUTE);
        let granted = log_in(&app, &device, SEATTLE).send().await.expect(200).json();
        assert!(granted["access_token"].is_string(), "{granted}");
        let letters = app.letters_to("ann@example.com").await;
        let letter = letters.iter().find(|letter| letter.text.contains("#token=")).unwrap();
        app.verify_email(&letter.token()).send().await.expect(204);

        app.advance(MINUTE);
        let mut audit = Audit::of(&app.db).await;
        let challenge = log_in(&app, &device, LONDON).send().await.expect(200).json();
        assert_eq!((&challenge["methods"], challenge.get("access_token")), (&json!(["email"]), None));
        assert_eq!(audit.only("login.stepped_up").await.after, json!({"signals": ["impossible_travel"]}));
        // Guessed before one was sent, and one sent some other way.
        verify(&app, &challenge, "email", "123456", LONDON).await.expect_problem(401, "invalid_code");
        let ask = |method: &str| {
            app.post("/auth/v1/mfa/send", &json!({"challenge_id": challenge["challenge_id"], "method": method}))
        };
        ask("sms").send().await.expect_problem(404, "not_found");
        ask("email").send().await.expect(202);
        let letters = app.letters_to("ann@example.com").await;
        let code = letters.iter().find_map(code_of).unwrap();
        let wrong = if code == "000000" { "000001" } else { "000000" };
        verify(&app, &challenge, "email", wrong, LONDON).await.expect_problem(401, "invalid_code");
        audit.news().await;
        app.advance(MINUTE);
        let granted = verify(&app, &challenge, "email", &code, LONDON).await.expect(200).json();
        assert_eq!(
            audit.actions().await,
            ["login.impossible_travel", "login.new_device", "session.created"],
            "no device was named, and none is trusted"
        );
        let ann = person(&granted);
        let page = app.get("/auth/v1/sessions").bearer(&ann.token).send().await.expect(200).json();
        // The code makes the session no stronger than others of the account.
        assert_eq!((&page["items"][0]["amr"], &page["items"][0]["trusted_until"]), (&json!(["pwd"]), &json!(null)));
        // A new device is odd enough; a known one in the same place is not.
        let challenge = log_in(&app, "", LONDON).send().await.expect(200).json();
        assert_eq!(challenge["methods"], json!(["email"]));
        let token = granted["device_token"].as_str().unwrap();
        log_in(&app, token, LONDON).send().await.expect(200).json()["access_token"].as_str().unwrap();
    })
    .await;
}

/// What is remembered of an account that slept is its device; its sessions are gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_slept_for_long_is_asked_on_a_new_device() {
    on_both_with(&STEP_UP, async |app| {
        ann(&app).await;
        let letters = app.letters_to("ann@example.com").await;
        let letter = letters.iter().find(|letter| letter.text.contains("#token=")).unwrap();
        app.verify_email(&letter.token()).send().await.expect(204);
        app.advance(Duration::from_hours(100 * 24));
        app.server.identity.purge(&app.db.ctx()).await.unwrap();
        assert_eq!(rows(&app, &["sessions", "devices"]).await, [0, 1]);
        let mut audit = Audit::of(&app.db).await;
        let challenge = log_in(&app, "", LONDON).send().await.expect(200).json();
        assert_eq!((&challenge["methods"], challenge.get("access_token")), (&json!(["email"]), None));
        assert_eq!(audit.only("login.stepped_up").await.after, json!({"signals": ["new_device"]}));
    })
    .await;
}

/// The code in a mail that has one.
fn code_of(letter: &Letter) -> Option<String> {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    letter.text.split(|letter: char| !letter.is_ascii_alphanumeric()).find(is_code).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_a_list_is_asked_where_they_hit() {
    on_both_placed(&STEP_UP, async |app| {
        let (ann, device) = ann(&app).await;
        trust(&app, &ann, &device).await;
        for nth in 0..19 {
            let body = json!({"email": format!("nobody{nth}@example.com"), "password": PASSWORD});
            app.post("/auth/v1/login", &body).peer(LONDON).send().await.expect(401);
        }
        let granted = log_in(&app, &device, LONDON).send().await.expect(200).json();
        assert!(granted["access_token"].is_string(), "{granted}");
        let body = json!({"email": "nobody@example.com", "password": PASSWORD});
        app.post("/auth/v1/login", &body).peer(LONDON).send().await.expect(401);
        let mut audit = Audit::of(&app.db).await;
        let challenge = log_in(&app, &device, LONDON).send().await.expect(200).json();
        assert_eq!(challenge["mfa_required"], true);
        assert_eq!(audit.only("login.stepped_up").await.after, json!({"signals": ["credential_stuffing"]}));
        // Not from elsewhere.
        let granted = log_in(&app, &device, PARIS).send().await.expect(200).json();
        assert!(granted["access_token"].is_string(), "{granted}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.mmdb");
    write_database(&path, "GeoLite2-Country");
    let fault = identity::Places::open(&path).unwrap_err();
    assert!(fault.contains("GeoLite2-Country"), "{fault}");
    fs::write(&path, "not a database").unwrap();
    let fault = identity::Places::open(&path).unwrap_err();
    assert!(fault.starts_with("is no MaxMind database"), "{fault}");
    let fault = identity::Places::open(&folder.path().join("none")).unwrap_err();
    assert!(fault.starts_with("cannot be read"), "{fault}");
}
