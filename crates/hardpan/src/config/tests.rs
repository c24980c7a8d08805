//! Layers: which value wins, where it came from, and what is refused on the way.
use std::path::Path;

use super::{Level, scene::Scene};

#[test]
fn later_layers_win() {
    let default = Scene::new("");
    assert_eq!(default.value("database.pool.max"), ("20".into(), "default".into()));
    let file = Scene::new("database.pool.max = 30");
    assert_eq!(file.value("database.pool.max"), ("30".into(), "hardpan.toml".into()));
    let dotenv = file.file(".env", "HARDPAN_DATABASE__POOL__MAX=40\n");
    assert_eq!(dotenv.value("database.pool.max"), ("40".into(), "HARDPAN_DATABASE__POOL__MAX in .env".into()));
    let environment = dotenv.set("HARDPAN_DATABASE__POOL__MAX", "50");
    let origin = "HARDPAN_DATABASE__POOL__MAX in the environment";
    assert_eq!(environment.value("database.pool.max"), ("50".into(), origin.into()));
    let flag = environment.flag("database.pool.max", "60");
    assert_eq!(flag.value("database.pool.max"), ("60".into(), "command line".into()));
    assert_eq!(flag.findings(), []);
}

#[test]
fn own_names_beat_well_known_ones() {
    let scene = Scene::new("database.url = \"sqlite:file.db\"").set("DATABASE_URL", "sqlite:well-known.db");
    assert_eq!(scene.value("database.url").0, "sqlite:well-known.db");
    let scene = scene.set("HARDPAN_DATABASE__URL", "sqlite:own.db");
    assert_eq!(scene.value("database.url").0, "sqlite:own.db");
}

#[test]
fn a_wrong_value_is_reported_even_where_another_replaces_it() {
    let scene = Scene::new("database.pool.max = \"many\"").set("HARDPAN_DATABASE__POOL__MAX", "50");
    assert_eq!(scene.errors(), ["database.pool.max"]);
    assert_eq!(scene.value("database.pool.max").0, "50");
}

#[test]
fn port_changes_the_port_alone() {
    let scene = Scene::new("server.listen = \"127.0.0.2:8080\"").set("PORT", "9000");
    assert_eq!(scene.value("server.listen"), ("127.0.0.2:9000".into(), "PORT in the environment".into()));
    assert_eq!(scene.value("app.public_url").0, "http://127.0.0.2:9000");
    let scene = scene.set("HARDPAN_SERVER__LISTEN", "127.0.0.3:7000");
    assert_eq!(scene.value("server.listen").0, "127.0.0.3:7000");
    assert_eq!(Scene::new("").set("PORT", "http").errors(), ["PORT"]);
    assert_eq!(Scene::new("").set("PORT", "").findings(), []);
}

#[test]
fn dotenv_is_read_in_development_only() {
    let scene = Scene::production("").file(".env", "HARDPAN_APP__NAME=other\nHARDPAN_FOO=1\nDEBUG=1\n");
    assert_eq!(scene.value("app.name").0, "x");
    assert_eq!(scene.headings(), ["info .env"]);
    let development = Scene::new("").file(".env", "HARDPAN_FOO=1\nHARDPAN_PROFILE=production\n");
    assert_eq!(development.errors(), [".env: HARDPAN_PROFILE", "HARDPAN_FOO"]);
}

#[test]
fn unknown_names_are_errors_with_the_likely_one() {
    for (name, fix) in [
        ("HARDPAN_DATABASE_URL", "did you mean HARDPAN_DATABASE__URL?"),
        ("HARDPAN_PROFIL", "did you mean HARDPAN_PROFILE?"),
        ("HARDPAN_MASTERKEY", "did you mean HARDPAN_MASTER_KEY?"),
        ("HARDPAN_SERVER__LISTEN_FILE", "set the variable without _FILE"),
        ("HARDPAN_NONSENSE", "unset it; docs/configuration.md lists every name"),
    ] {
        let findings = Scene::new("").set(name, "x").findings();
        assert_eq!(findings.len(), 1, "{name}");
        assert_eq!((findings[0].level, findings[0].key.as_str(), findings[0].fix.as_str()), (Level::Error, name, fix));
    }
    assert_eq!(Scene::new("").flag("server.lisen", "x").findings()[0].fix, "did you mean server.listen?");
}

#[test]
fn secrets_can_come_from_files() {
    let scene = Scene::new("").file("url", "sqlite:from-file.db\n").set("DATABASE_URL_FILE", "url");
    assert_eq!(
        scene.value("database.url"),
        ("sqlite:from-file.db".into(), "DATABASE_URL_FILE in the environment".into())
    );
    let both = scene.set("DATABASE_URL", "sqlite:direct.db");
    assert_eq!(both.errors(), ["DATABASE_URL"]);
    let own = Scene::new("").file("url", "sqlite:own.db").set("HARDPAN_DATABASE__URL_FILE", "url");
    assert_eq!(own.value("database.url").0, "sqlite:own.db");
    let key = Scene::production("").file("key", super::scene::STRONG).set("HARDPAN_MASTER_KEY", "");
    assert_eq!(key.set("HARDPAN_MASTER_KEY_FILE", "key").findings(), []);
    let absent = Scene::production("").set("HARDPAN_MASTER_KEY", "").set("HARDPAN_MASTER_KEY_FILE", "none");
    assert_eq!(absent.errors(), ["HARDPAN_MASTER_KEY_FILE"]);
}

#[test]
fn passwords_are_never_shown() {
    let url = "postgres://u:hidden-word@db/x";
    let scene = Scene::new("redis.url = \"http://:hidden-word@x\"")
        .set("DATABASE_URL", url)
        .flag("mail.url", "smtp://hidden-word");
    let loaded = scene.load();
    assert_eq!(scene.value("database.url").0, "***");
    assert_eq!(scene.errors(), ["redis.url", "mail.url"]);
    let shown = format!(
        "{}{}{:?}",
        loaded.values(),
        loaded.report(Vec::new()).to_text(),
        Scene::new("").set("DATABASE_URL", url).load().ready(Vec::new()).unwrap()
    );
    assert!(!shown.contains("hidden-word"), "{shown}");
}

#[test]
fn relative_paths_start_at_the_app() {
    let scene = Scene::new("database = { url = \"sqlite:./store/x.db\", tls_ca = \"ca.pem\" }").file("ca.pem", "");
    let (config, _) = scene.load().ready(Vec::new()).unwrap();
    assert_eq!(config.data_dir, config.dir.join("store"));
    assert_eq!(*config.database.url.expose(), format!("sqlite:{}", config.dir.join("store/x.db").display()));
    assert_eq!(config.database.tls_ca, Some(config.dir.join("ca.pem")));
    let (config, _) = Scene::new("database.url = \"postgresql+asyncpg://db/x\"").load().ready(Vec::new()).unwrap();
    assert_eq!((config.database.url.expose().as_str(), config.data_dir), ("postgres://db/x", config.dir.join("data")));
}

#[test]
fn another_database_has_none_of_the_replicas() {
    let scene = Scene::new("database = { url = \"postgres://db/x\", replicas = [\"postgres://standby/x\"] }");
    let (config, _) = scene.load().ready(Vec::new()).unwrap();
    assert_eq!(config.database.replicas.len(), 1);
    let other = config.with_database("postgres://elsewhere/x", &config.dir).unwrap();
    assert!(other.database.replicas.is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_the_only_complaint() {
    let scene = Scene::production("").file("hardpan.toml", "[app\n");
    assert_eq!(scene.errors(), ["hardpan.toml"]);
    let empty = tempfile::tempdir().unwrap();
    let inputs = super::Inputs { dir: empty.path().into(), environment: [].into(), flags: Vec::new() };
    let report = super::load(&inputs).report(Vec::new());
    assert_eq!(report.findings().len(), 1);
    assert!(report.findings()[0].fix.contains("hardpan init"));
    assert!(Path::new(empty.path()).read_dir().unwrap().next().is_none(), "checking makes nothing");
}
