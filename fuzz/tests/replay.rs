//! What fuzzing kept, and what it ever found, fed again: on both engines, which must tell the same story.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]
use std::{fs, path::Path};

use fuzz::{Target, apps::Apps, bodies::Bodies, cursors::Cursors, headers::Headers, rules::Rules, tokens::Tokens};
use testkit::{Engine, TestDb};

/// The kept inputs of a target, by name.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("a file").path());
    let mut inputs: Vec<_> = files
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("an input"))
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    inputs
}

async fn told<T: Target>(engine: Engine, inputs: &[(String, Vec<u8>)]) -> Vec<String> {
    let target = T::new(TestDb::open(engine).await).await;
    let mut stories = Vec::new();
    for (name, input) in inputs {
        let naming = Naming(name, engine);
        stories.push(target.run(input).await);
        drop(naming);
    }
    stories
}

async fn replay<T: Target>() {
    let inputs = inputs(T::NAME);
    let stories = told::<T>(Engine::Sqlite, &inputs).await;
    if T::HAS_DATABASE {
        let others = told::<T>(Engine::Postgres, &inputs).await;
        for ((name, _), (one, other)) in inputs.iter().zip(stories.iter().zip(&others)) {
            assert_eq!(one, other, "SQLite and PostgreSQL differ over {}/{name}", T::NAME);
        }
    }
}

/// Says which input it was that panicked.
struct Naming<'a>(&'a str, Engine);

impl Drop for Naming<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}, on {:?}", self.0, self.1);
        }
    }
}

#[tokio::test]
async fn rules() {
    replay::<Rules>().await;
}

#[tokio::test]
async fn cursors() {
    replay::<Cursors>().await;
}

#[tokio::test]
async fn tokens() {
    replay::<Tokens>().await;
}

#[tokio::test]
async fn bodies() {
    replay::<Bodies>().await;
}

#[tokio::test]
async fn headers() {
    replay::<Headers>().await;
}

#[tokio::test]
async fn apps() {
    replay::<Apps>().await;
}
