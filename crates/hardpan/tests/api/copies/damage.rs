//! A backup that is not as it was written is refused.
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use testkit::{Engine, TestDb};

use super::app::{App, shown};

pub const OTHER_KEY: &str = "yDCX1yeFmOJBNsN93j4FNSUc37XXXqhz7LDlqdoCn0Q=";

async fn with_backup(encrypt: bool, test: impl Fn(&mut App, &Path, Vec<u8>)) {
    for engine in Engine::BOTH {
        eprintln!("on {engine:?}");
        let database = TestDb::open(engine).await;
        let mut app = App::at(&database);
        app.command(&["migrate", "apply"], 0);
        app.command(&["user", "create", "ann@example.com"], 0);
        let file = app.file("good.hardpan");
        let arguments = ["backup", "--to", shown(&file), "--encrypt"];
        app.command(&arguments[..if encrypt { 4 } else { 3 }], 0);
        let bytes = std::fs::read(&file).unwrap();
        test(&mut app, &file, bytes);
    }
}

/// What the program says about these bytes as a backup.
fn refusal(app: &App, bytes: &[u8]) -> String {
    let file = app.file("bad.hardpan");
    std::fs::write(&file, bytes).unwrap();
    app.command(&["backup", "--verify", shown(&file)], 1)
}

/// With a checksum at its end that fits.
fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 32;
    let sha = digest(&SHA256, &bytes[..end]);
    bytes[end..].copy_from_slice(sha.as_ref());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_a_missing_end_and_a_foreign_file_are_told() {
    with_backup(false, |app, file, bytes| {
        app.command(&["backup", "--verify", shown(file)], 0);
        // Every byte is flipped in the reader's own test; here the ends and a few between, through the program.
        for at in [0, 7, 8, 11, 12, 40, bytes.len() / 2, bytes.len() - 33, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            let said = refusal(app, &flipped);
            let expected = if at < 8 { "is no backup of Hardpan" } else { "The backup is damaged" };
            assert!(said.contains(expected), "byte {at}: {said}");
        }
        for end in [0, 5, 8, 30, bytes.len() / 2, bytes.len() - 1] {
            let said = refusal(app, &bytes[..end]);
            assert!(said.contains("damaged"), "cut at {end}: {said}");
        }
        assert!(refusal(app, b"PK\x03\x04 this is something else entirely, and long enough").contains("is no backup"));
        let said = app.command(&["backup", "--verify", shown(&app.file("nowhere"))], 1);
        assert!(said.contains("Cannot read"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_newer_format_says_which_hardpan_made_it() {
    with_backup(false, |app, _, bytes| {
        let text = b"\"format\":1,\"hardpan\":\"0";
        let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
        let mut newer = bytes.clone();
        newer[at + 9] = b'7';
        newer[at + text.len() - 1] = b'9';
        let said = refusal(app, &signed(newer));
        assert!(said.contains("format 7") && said.contains("Hardpan 9."), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_one_needs_its_key_and_cannot_be_forged() {
    with_backup(true, |app, file, bytes| {
        app.command(&["backup", "--verify", shown(file)], 0);
        assert!(!bytes.windows(9).any(|window| window == b"audit_log"));
        // Whoever changes it may fix the checksum at the end, but not the seal.
        for at in (20..bytes.len() - 32).step_by(bytes.len() / 25) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            refusal(app, &signed(flipped));
        }
        let app_name = bytes.windows(6).position(|window| window == b"tested").unwrap();
        let mut renamed = bytes.clone();
        renamed[app_name] = b'r';
        assert!(refusal(app, &signed(renamed)).contains("damaged"));
        app.key = OTHER_KEY.to_owned();
        let said = app.command(&["backup", "--verify", shown(file)], 1);
        assert!(said.contains("needs the master key"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_not_restored_under_another_master_key() {
    with_backup(false, |app, file, _| {
        app.key = OTHER_KEY.to_owned();
        let empty = app.file("data/empty.db");
        app.url = format!("sqlite:{}", empty.display());
        let said = app.command(&["restore", "--from", shown(file)], 1);
        assert!(said.contains("does not match the database"), "{said}");
        assert!(!empty.exists());
    })
    .await;
}
