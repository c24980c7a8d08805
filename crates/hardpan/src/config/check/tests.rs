//! Every refusal alone, and all of them in one report.
use crate::config::{
    Finding, Profile,
    scene::{STRONG, Scene},
};

#[test]
fn a_sound_production_has_no_findings() {
    assert_eq!(Scene::production("").findings(), []);
    assert_eq!(Scene::production("").set("HARDPAN_PROFILE", "staging").findings(), []);
}

#[test]
fn production_refuses_each_by_itself() {
    for (text, heading) in [
        ("server.admin_listen = \"0.0.0.0:9080\"", "error server.admin_listen"),
        ("server.admin_listen = \"127.0.0.1:8080\"", "error server.admin_listen"),
        ("limits.enabled = false", "error limits.enabled"),
        ("cors.origins = [\"*\"]", "error cors.origins"),
        ("cors.origins = [\"https://*.example.com\"]", "error cors.origins"),
        ("cors.origins = [\"null\"]", "error cors.origins"),
        ("cors.origins = [\"https://app.example.com/\"]", "error cors.origins"),
        ("cors.origins = [\"https://App.example.com\"]", "error cors.origins"),
        ("cors.origins = [\"https://app.example.com:443\"]", "error cors.origins"),
        ("cors.origins = [\"app.example.com\"]", "error cors.origins"),
        ("cors.origins = [\"http://app.example.com\"]", "warning cors.origins"),
        ("server.docs = \"public\"", "warning server.docs"),
        ("log.level = \"info,web=trace\"", "warning log.level"),
        ("auth.refresh_ttl = \"1h\"", "error auth.refresh_ttl"),
        ("auth.refresh_ttl = \"31d\"", "warning auth.refresh_ttl"),
        ("auth.geo_database = \"none.mmdb\"", "error auth.geo_database"),
        ("auth.geo_database = \"hardpan.toml\"", "error auth.geo_database"),
        ("auth.on_suspicion = \"shut\"", "error auth.on_suspicion"),
        ("auth.session_max = \"91d\"", "warning auth.session_max"),
        ("auth.session_max = \"0s\"", "error auth.session_max"),
        ("auth.session_max = \"none\"", "error auth.session_max"),
        ("auth.session_max = \"off\"", "error auth.session_max"),
        ("auth.registration = \"friends\"", "error auth.registration"),
        ("auth.password_min_length = 4", "error auth.password_min_length"),
        ("database.pool = { min = 9, max = 3 }", "error database.pool.min"),
        ("database.tls_ca = \"none.pem\"", "error database.tls_ca"),
        ("database.replicas = [\"postgres://u:h3jd8s0w@db/x?sslmode=require\"]", "error database.replicas"),
        ("database.replicas = [\"mysql://u:h3jd8s0w@db/x\"]", "error database.replicas"),
        ("redis.url = \"redis://cache\"", "warning redis.url"),
        ("oauth.microsoft.tenant = \"notes.onmicrosoft.com\"", "error oauth.microsoft.tenant"),
        ("sms.url = \"log:\"", "error sms.url"),
        ("sms.url = \"http://api.twilio.com\"", "error sms.url"),
        ("outbound.allow = [\"x\"]", "error outbound.allow"),
        ("sms.account_sid = \"AC1\"\nsms.from = \"+15551234567\"", "error sms.auth_token"),
        ("mail.from = \"x\"", "error mail.from"),
        ("mail.tls_ca = \"none.pem\"", "error mail.tls_ca"),
        ("mail.templates = \"none\"", "error mail.templates"),
        ("server.listn = \"x\"", "error server.listn"),
        ("server.request_timeout = 30", "error server.request_timeout"),
    ] {
        assert_eq!(Scene::production(text).headings(), [heading], "{text}");
    }
}

#[test]
fn production_refuses_each_from_the_environment() {
    for (name, value, heading) in [
        ("HARDPAN_APP__PUBLIC_URL", "http://x.example.com", "error app.public_url"),
        ("HARDPAN_APP__PUBLIC_URL", "https://localhost", "warning app.public_url"),
        ("HARDPAN_APP__NAME", "My App", "error app.name"),
        ("HARDPAN_SERVER__TRUSTED_PROXIES", "", "warning server.trusted_proxies"),
        ("HARDPAN_SERVER__TRUSTED_PROXIES", "0.0.0.0/0", "warning server.trusted_proxies"),
        ("HARDPAN_SERVER__TRUSTED_PROXIES", "10.0.0.0/99", "error server.trusted_proxies"),
        ("HARDPAN_SERVER__LISTEN", "somewhere", "error server.listen"),
        ("DATABASE_URL", "postgres://u@db/x?sslmode=require", "error database.url"),
        ("DATABASE_URL", "postgres://u:postgres@db/x?sslmode=require", "error database.url"),
        ("DATABASE_URL", "postgres://ann:Ann@db/x?sslmode=require", "error database.url"),
        ("DATABASE_URL", "postgres://u:h3jd8s0w@db/x", "warning database.url"),
        ("DATABASE_URL", "mysql://u:h3jd8s0w@db/x", "error database.url"),
        ("HARDPAN_MAIL__URL", "log:", "warning mail.url"),
        ("HARDPAN_MAIL__URL", "file:mail", "warning mail.url"),
        ("HARDPAN_MAIL__URL", "smtp://ann@mail.example.com", "error mail.url"),
        ("HARDPAN_MAIL__FROM", "x@example.com\r\nBcc: y@example.com", "error mail.from"),
        ("DEBUG", "True", "error DEBUG"),
        ("JWT_SECRET", "x", "warning JWT_SECRET"),
        ("ENVIRONMENT", "production", "warning ENVIRONMENT"),
        ("HARDPAN_SERVER__LISTN", "x", "error HARDPAN_SERVER__LISTN"),
    ] {
        assert_eq!(Scene::production("").set(name, value).headings(), [heading], "{name}={value}");
    }
    for (name, value) in [
        ("DATABASE_URL", "postgres://u:h3jd8s0w@db/x?sslmode=verify-full"),
        ("DATABASE_URL", "postgres://u:h3jd8s0w@localhost/x"),
        ("DATABASE_URL", "postgres://u@/x?host=/run/postgresql"),
        ("DEBUG", "app:*"),
    ] {
        assert_eq!(Scene::production("").set(name, value).findings(), [], "{name}={value}");
    }
}

#[test]
fn replicas_are_judged_as_their_primary_is() {
    let with = |text: &str| {
        Scene::production(text).set("DATABASE_URL", "postgres://u:h3jd8s0w@db/x?sslmode=require").headings()
    };
    for (text, headings) in [
        ("database.replicas = []", vec![]),
        ("database.replicas = [\"postgresql+asyncpg://u:h3jd8s0w@b/x?ssl=require\"]", vec![]),
        ("database.replicas = [\"sqlite:b.db\"]", vec!["error database.replicas"]),
        ("database.replicas = [\"postgres://u@b/x?sslmode=require\"]", vec!["error database.replicas"]),
        ("database.replicas = [\"postgres://u:h3jd8s0w@b/x\"]", vec!["warning database.replicas"]),
        ("database.replica_max_lag = \"1ms\"", vec![]),
        (
            "database.replicas = [\"postgres://u:h3jd8s0w@127.0.0.1/x\"]\ndatabase.replica_max_lag = \"1ms\"",
            vec!["error database.replica_max_lag"],
        ),
    ] {
        assert_eq!(with(text), headings, "{text}");
    }
    let listed = "postgres://u:h3jd8s0w@a:1,b:2/x, postgres://u:h3jd8s0w@c/x";
    let scene = Scene::new("database.url = \"postgres://u:h3jd8s0w@db/x\"").set("HARDPAN_DATABASE__REPLICAS", listed);
    let loaded = scene.load();
    assert!(!loaded.values().to_string().contains("h3jd8s0w"));
    let (config, _) = loaded.ready(Vec::new()).unwrap();
    assert_eq!(config.database.replicas.len(), 2);
}

#[test]
fn what_production_requires_cannot_be_left_out() {
    let bare = Scene::new("").set("HARDPAN_PROFILE", "production");
    assert_eq!(bare.errors(), ["HARDPAN_MASTER_KEY", "app.name", "app.public_url", "database.url"]);
}

#[test]
fn everything_wrong_is_in_one_report() {
    let scene = Scene::new(
        "[app]\nname = \"X\"\npublic_url = \"http://x.example.com\"\n[cors]\norigins = [\"*\"]\n[limits]\nenabled = false\n\
         [server]\nadmin_listen = \"0.0.0.0:9080\"\nfoo = 1\n[auth]\nrefresh_ttl = \"1m\"\n[database]\npool = { min = 9, max = 3 }",
    )
    .set("HARDPAN_PROFILE", "production")
    .set("HARDPAN_MASTER_KEY", "changeme")
    .set("HARDPAN_FOO", "1")
    .set("DEBUG", "1")
    .set("DATABASE_URL", "postgres://postgres:postgres@db/x");
    let others = vec![Finding::error("resources.notes.fields.title", "has no type", "add one")];
    let report = scene.load().report(others);
    let mut errors: Vec<_> =
        report.findings().iter().filter(|f| f.level.as_str() == "error").map(|f| f.key.as_str()).collect();
    errors.sort_unstable();
    let expected = [
        "DEBUG",
        "HARDPAN_FOO",
        "HARDPAN_MASTER_KEY",
        "app.name",
        "app.public_url",
        "auth.refresh_ttl",
        "cors.origins",
        "database.pool.min",
        "database.url",
        "limits.enabled",
        "resources.notes.fields.title",
        "server.admin_listen",
        "server.foo",
    ];
    assert_eq!(errors, expected);
    assert!(scene.load().ready(Vec::new()).is_err());
    assert!(!report.to_text().contains("postgres:postgres"), "{}", report.to_text());
}

#[test]
fn master_keys_are_judged_once_each() {
    let with = |value: &str| {
        let findings = Scene::production("").set("HARDPAN_MASTER_KEY", value).findings();
        findings.into_iter().map(|finding| format!("{} {}", finding.key, finding.reason)).collect::<Vec<_>>()
    };
    let reason =
        "HARDPAN_MASTER_KEY is known from examples, is shorter than 32 characters and is not 32 bytes in base64";
    assert_eq!(with("changeme"), [reason]);
    assert_eq!(with("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), ["HARDPAN_MASTER_KEY repeats itself"]);
    assert!(with(" ")[0].starts_with("HARDPAN_MASTER_KEY is not set, and production requires it"));
    let previous = |value: &str| Scene::production("").set("HARDPAN_MASTER_KEY_PREVIOUS", value).errors();
    assert_eq!(previous("secret"), ["HARDPAN_MASTER_KEY_PREVIOUS"]);
    assert_eq!(previous(STRONG), ["HARDPAN_MASTER_KEY_PREVIOUS"]);
}

#[test]
fn development_stays_at_home() {
    for profile in [Profile::Development, Profile::Testing] {
        let beyond = Scene::new("server.listen = \"0.0.0.0:8080\"").set("HARDPAN_PROFILE", profile.as_str());
        assert_eq!(beyond.errors(), ["server.listen"], "{profile}");
        assert!(beyond.findings()[0].fix.contains("HARDPAN_PROFILE=production"));
    }
    assert_eq!(Scene::new("server.listen = \"[::1]:8080\"").findings(), []);
}

#[test]
fn development_forgives_what_cannot_hurt_there() {
    for (text, headings) in [
        ("limits.enabled = false", vec![]),
        ("server.docs = \"public\"", vec![]),
        ("app.public_url = \"http://127.0.0.1:8080\"", vec![]),
        ("app.public_url = \"http://127.0.0.1:9999\"", vec!["warning app.public_url"]),
        ("app.public_url = \"https://x.example.com\"", vec!["warning app.public_url"]),
        ("cors.origins = [\"*\"]", vec!["warning cors.origins"]),
        ("database.url = \"postgres://postgres:postgres@db/x\"", vec![]),
    ] {
        assert_eq!(Scene::new(text).headings(), headings, "{text}");
    }
    for (name, value, heading) in [
        ("SECRET_KEY", "x", "info SECRET_KEY"),
        ("ENVIRONMENT", "dev", "info ENVIRONMENT"),
        ("ENVIRONMENT", "production", "warning ENVIRONMENT"),
        ("HARDPAN_MASTER_KEY", "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSA0MiE=", "warning HARDPAN_MASTER_KEY"),
        ("HARDPAN_MASTER_KEY", "changeme", "error HARDPAN_MASTER_KEY"),
    ] {
        assert_eq!(Scene::new("").set(name, value).headings(), [heading], "{name}={value}");
    }
}

#[test]
fn wildcards_never_reach_the_edge() {
    let (config, _) = Scene::new("cors.origins = [\"*\", \"https://a.example.com\"]").load().ready(Vec::new()).unwrap();
    assert_eq!(config.cors.origins, ["http://localhost:3000", "http://localhost:3001", "https://a.example.com"]);
    let (config, _) = Scene::production("cors.origins = [\"https://a.example.com\"]").load().ready(Vec::new()).unwrap();
    assert_eq!(config.cors.origins, ["https://a.example.com"]);
}
