//! What no request can show: rules that hold for the source itself.
use std::{fs, path::PathBuf};

use crate::binary::program::repository;

/// Lines of product code, with where they stand.
fn lines() -> Vec<(String, String)> {
    let mut folders: Vec<PathBuf> = vec![repository("crates")];
    let mut lines = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["tests", "testkit", "target"].contains(&name) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).unwrap();
                // Tests stand last in a file.
                let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let place = |nth: usize| format!("{}:{}", path.display(), nth + 1);
                lines.extend(product.lines().enumerate().map(|(nth, line)| (place(nth), line.trim().to_owned())));
            }
        }
    }
    assert!(lines.len() > 10_000, "{}", lines.len());
    lines
}

fn none(breaks: impl Fn(&str) -> bool) {
    let found: Vec<_> = lines().into_iter().filter(|(_, line)| !line.starts_with("//") && breaks(line)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// RAUTHY-005; Kanidm 1.10: secrets compared byte by byte, so that the time of an answer told how much was right.
#[test]
fn rauthy_005_no_secret_is_compared_by_an_operator() {
    // The value itself, and not what a function makes of it.
    let is_bare = |side: &str| side.ends_with(".expose()");
    let compares = |line: &str| {
        let sides = [" == ", " != "].iter().filter_map(|operator| line.split_once(operator));
        sides.into_iter().any(|(left, right)| is_bare(left) || right.split([' ', ',']).next().is_some_and(is_bare))
    };
    none(compares);
    // And nothing gives a secret an operator of its own.
    none(|line| line.contains("PartialEq") && line.contains("for Secret<"));
    let secret = fs::read_to_string(repository("crates/kernel/src/secret.rs")).unwrap();
    let (derived, _) = secret.split_once("pub struct Secret<").unwrap();
    assert!(!derived.rsplit("\n\n").next().unwrap().contains("PartialEq"));
}

/// RUSTSEC-2023-0071, the crate `rsa`: the time of what is done with a private key tells of it. It verifies here, and signs nothing.
#[test]
fn rustsec_2023_0071_nothing_is_done_with_a_private_rsa_key() {
    let words = ["RsaPrivateKey", "RsaPrivateSigningKey", "from_rsa_pem", "from_rsa_der", "RsaKeyPair", "rsa::"];
    none(|line| words.iter().any(|word| line.contains(word)) && !line.contains("DecodingKey"));
}
