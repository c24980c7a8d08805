//! The PostgreSQL server under test: its databases are made and dropped here.
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use tokio::runtime;
use tokio_postgres::NoTls;

/// The URL of the maintenance database; databases of tests are named beside it.
fn url() -> String {
    #[allow(clippy::disallowed_methods, reason = "the test runner says where its server is")]
    std::env::var("HARDPAN_TEST_POSTGRES_URL").expect("run `cargo xtask test`")
}

/// The URL of the database `name` on the server under test.
pub fn url_of(name: &str) -> String {
    let url = url();
    let (place, query) =
        url.split_once('?').map_or((url.as_str(), String::new()), |(place, query)| (place, format!("?{query}")));
    let (server, _) = place.rsplit_once('/').expect("HARDPAN_TEST_POSTGRES_URL ends with the name of a database");
    format!("{server}/{name}{query}")
}

/// A name that no other test, binary or run of tests has.
pub fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("hardpan_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub async fn create(name: &str, template: Option<&str>) {
    // template0 takes any encoding and locale; C orders text by code point.
    let template =
        template.map_or("template0 ENCODING 'UTF8' LOCALE 'C'".to_owned(), |template| format!("\"{template}\""));
    run(&format!("CREATE DATABASE \"{name}\" TEMPLATE {template}")).await;
}

/// Drops the database in the background. What is left when the process ends goes with the server.
pub fn leave(name: String) {
    static JANITOR: OnceLock<Sender<String>> = OnceLock::new();
    let janitor = JANITOR.get_or_init(|| {
        let (sender, left) = channel::<String>();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            while let Ok(name) = left.recv() {
                runtime.block_on(run(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")));
            }
        });
        sender
    });
    // A janitor that died has said why.
    let _ = janitor.send(name);
}

async fn run(sql: &str) {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.expect("the PostgreSQL server under test");
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}
