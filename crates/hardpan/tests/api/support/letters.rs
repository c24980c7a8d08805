//! Mail as it arrived, to be read by tests.
use std::{fs, path::Path};

use super::TestApp;

/// A mail that was sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// All of it.
    pub raw: String,
    pub to: String,
    pub subject: String,
    /// The part without markup.
    pub text: String,
    pub html: String,
}

impl Letter {
    fn read(raw: &str) -> Self {
        let raw = raw.replace("\r\n", "\n");
        let header = |name: &str| {
            let (head, _) = raw.split_once("\n\n").unwrap();
            // Folded lines begin with a space.
            let head = head.replace("\n ", " ");
            let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("no {name} in {raw}")).to_owned()
        };
        let part = |kind: &str| {
            let (_, part) = raw.split_once(&format!("Content-Type: {kind}")).unwrap();
            let (_, body) = part.split_once("\n\n").unwrap();
            body.split("\n--").next().unwrap().to_owned()
        };
        let (to, subject, text, html) = (header("To"), header("Subject"), part("text/plain"), part("text/html"));
        Self { raw, to, subject, text, html }
    }

    /// The first link in it.
    pub fn link(&self) -> String {
        let start = self.text.find("http").unwrap_or_else(|| panic!("no link in {}", self.text));
        self.text[start..].split_whitespace().next().unwrap().to_owned()
    }

    /// The code in it, on a line of its own.
    pub fn code(&self) -> String {
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|digit| digit.is_ascii_digit());
        self.text.lines().find(is_code).unwrap_or_else(|| panic!("no code in {}", self.text)).to_owned()
    }

    /// The token in its link.
    pub fn token(&self) -> String {
        self.link().split_once("#token=").unwrap_or_else(|| panic!("no token in {}", self.text)).1.to_owned()
    }
}

impl TestApp {
    /// Delivers what is due, and gives every mail there ever was, in no particular order.
    pub async fn letters(&self) -> Vec<Letter> {
        let ctx = self.db.ctx();
        self.server.outbox.deliver_now(&ctx).await.unwrap();
        let standing = self.server.outbox.standing(&ctx).await.unwrap();
        assert!(standing.iter().all(|kind| kind.failure.is_none()), "{standing:?}");
        letters_in(&self.dir().join("mail"))
    }

    /// Those to one address.
    pub async fn letters_to(&self, email: &str) -> Vec<Letter> {
        let all = self.letters().await;
        all.into_iter().filter(|letter| letter.to == email || letter.to.ends_with(&format!("<{email}>"))).collect()
    }
}

/// The mail in a folder.
pub fn letters_in(folder: &Path) -> Vec<Letter> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.into_iter().map(|path| Letter::read(&fs::read_to_string(path).unwrap())).collect()
}
