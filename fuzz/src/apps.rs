//! App files: whatever stands there gives findings or a configuration; what is found to be right becomes tables and routes.
use std::{cell::RefCell, collections::HashSet, fs, sync::Arc};

use ::store::Source;
use hardpan::{
    assemble,
    config::{self, Inputs, Level},
};
use resources::{
    records::{self, Records, list_paths},
    schema::{self, Declaration},
};
use tempfile::TempDir;
use testkit::{Engine, TestDb};

use crate::{Target, world::keyring};

/// Parts the app file from `.env`.
const PARTING: &str = "\u{1f}";

pub struct Apps {
    engine: Engine,
    source: Source,
    folder: TempDir,
    /// Declarations that were tried.
    seen: RefCell<HashSet<String>>,
    _db: TestDb,
}

impl Target for Apps {
    const NAME: &'static str = "apps";
    const HAS_DATABASE: bool = true;

    async fn new(db: TestDb) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { engine: db.engine, source: db.source.clone(), folder, seen: RefCell::default(), _db: db }
    }

    async fn run(&self, input: &[u8]) -> String {
        let (file, dotenv) = match std::str::from_utf8(input) {
            Ok(text) => text.split_once(PARTING).unwrap_or((text, "")),
            // Not every file is text.
            Err(_) => ("", ""),
        };
        let bytes = if file.is_empty() { input } else { file.as_bytes() };
        fs::write(self.folder.path().join(config::APP_FILE), bytes).expect("an app file");
        fs::write(self.folder.path().join(".env"), dotenv).expect("a .env");
        let inputs = Inputs { dir: self.folder.path().into(), environment: [].into(), flags: Vec::new() };
        let loaded = config::load(&inputs);
        let (declaration, findings) = assemble::declare(&loaded);
        let is_sound = findings.iter().all(|finding| finding.level != Level::Error);
        let report = loaded.report(findings.clone());
        let (_, _, _) = (report.to_text(), report.to_json(), loaded.values());
        let has_errors = report.has_errors();
        assert!(!report.to_text().contains("this is a defect of Hardpan"), "{}", report.to_text());
        assert_eq!(loaded.ready(findings).is_ok(), !has_errors);
        if is_sound && !declaration.resources.is_empty() {
            self.becomes(&declaration).await;
        }
        let findings = report.findings().iter().map(|finding| format!("{:?} {}", finding.level, finding.key));
        findings.collect::<Vec<_>>().join("\n")
    }
}

impl Apps {
    /// Tables are made of it, twice the same, and routes.
    async fn becomes(&self, declaration: &Arc<Declaration>) {
        let is_new = self.seen.borrow_mut().insert(format!("{:?}", declaration.resources));
        if !is_new {
            return;
        }
        let records = Records::new(Arc::clone(declaration), &keyring()).expect("records");
        let routes = records::routes(&records);
        web::openapi::document("app", "1", "http://localhost", "access", &routes);
        list_paths(declaration, self.source.clock.now());
        let db = TestDb::from_template(self.engine, "apps", async |ctx| {
            ::store::migrate::apply(ctx, &assemble::migrations()).await.expect("a database");
        });
        let db = db.await;
        for nth in ["first", "second"] {
            let plan = schema::apply(&db.ctx(), declaration).await;
            let plan = plan.unwrap_or_else(|error| panic!("{nth} {error:?} of {declaration:?}"));
            assert_eq!(plan.refused, Vec::<String>::new(), "{declaration:?}");
            assert!(nth == "first" || plan.steps.is_empty(), "{:?} of {declaration:?}", plan.steps);
        }
        records.put_samples(&db.ctx()).await.unwrap_or_else(|error| panic!("{error:?} of {declaration:?}"));
    }
}
