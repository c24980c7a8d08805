//! What the tests of the configuration share: an app folder of their own and an environment given by hand.
use std::{collections::BTreeMap, fs};

use tempfile::TempDir;

use super::{Finding, Inputs, Level, Loaded, load};

/// A master key nobody uses.
pub const STRONG: &str = "btdhExvTgUospvwJdFtWWXVtsY/DY821QkNbgswzC5Y=";

/// An app folder and an environment; the folder goes with it.
pub struct Scene {
    home: TempDir,
    inputs: Inputs,
}

impl Scene {
    /// An app whose file is `text`, in development.
    pub fn new(text: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("hardpan.toml"), text).unwrap();
        let inputs = Inputs { dir: home.path().into(), environment: BTreeMap::new(), flags: Vec::new() };
        Self { home, inputs }
    }

    /// A production without findings, with `text` at the end of its app file.
    pub fn production(text: &str) -> Self {
        let base = "app = { name = \"x\", public_url = \"https://x.example.com\" }\nserver.trusted_proxies = [\"127.0.0.1\"]\n\
                    database.url = \"sqlite:data/x.db\"\n";
        Self::new(&format!("{base}{text}"))
            .set("HARDPAN_PROFILE", "production")
            .set("HARDPAN_MASTER_KEY", STRONG)
            .set("HARDPAN_MAIL__URL", "smtps://x:h3jd8s0w@mail.example.com")
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.inputs.environment.insert(name.into(), value.into());
        self
    }

    pub fn flag(mut self, key: &str, value: &str) -> Self {
        self.inputs.flags.push((key.into(), value.into()));
        self
    }

    pub fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.home.path().join(name), text).unwrap();
        self
    }

    pub fn load(&self) -> Loaded {
        load(&self.inputs)
    }

    pub fn findings(&self) -> Vec<Finding> {
        self.load().report(Vec::new()).findings().to_vec()
    }

    /// `error app.name` for each finding.
    pub fn headings(&self) -> Vec<String> {
        self.findings().iter().map(|finding| format!("{} {}", finding.level.as_str(), finding.key)).collect()
    }

    /// Keys with errors.
    pub fn errors(&self) -> Vec<String> {
        self.findings().into_iter().filter(|finding| finding.level == Level::Error).map(|finding| finding.key).collect()
    }

    /// A key's value and its origin, as `check --format json` shows them.
    pub fn value(&self, key: &str) -> (String, String) {
        let values = self.load().values();
        let part = |name: &str| values[key][name].as_str().unwrap_or("absent").to_owned();
        (part("value"), part("from"))
    }
}
