//! Reading a configuration whole: nothing stops at the first problem, and nothing outside is changed.
use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value as Json, json};

use super::{
    build,
    check::{self, Subject},
    dotenv,
    environment::Environment,
    file,
    finding::{Finding, Report},
    inputs::Inputs,
    model::Config,
    names,
    profile::{self, Profile},
    providers,
    resolve::{self, Layers},
    secrets,
    setting::Settings,
};

/// A configuration as read: complete if nothing in it is wrong, with everything there is to say about it.
pub struct Loaded {
    pub profile: Profile,
    /// The app's folder, absolute.
    pub dir: PathBuf,
    /// `[resources]` of the app file, as it stands.
    pub resources: toml::Table,
    /// `[roles]`, the same.
    pub roles: toml::Table,
    settings: Settings,
    findings: Vec<Finding>,
    config: Option<Config>,
}

/// Reads and checks everything `inputs` has.
pub fn load(inputs: &Inputs) -> Loaded {
    let mut findings = Vec::new();
    let dir = std::path::absolute(&inputs.dir).unwrap_or_else(|_| inputs.dir.clone());
    let profile = Profile::read(inputs.environment.get(profile::VARIABLE).map(String::as_str), &mut findings);
    let mut environment = Environment::new(&inputs.environment, &dir);
    environment.add_dotenv(dotenv::read(&dir, profile, &mut findings));
    let file = file::read(&dir, &mut findings);
    findings.extend(names::check(&environment, &file));
    let master_keys = secrets::read(profile, &environment, &mut findings);
    let layers = Layers { profile, file: &file, environment: &environment, flags: &inputs.flags };
    let settings = resolve::resolve(&layers, &mut findings);
    findings.extend(check::check(Subject { dir: &dir, profile, settings: &settings, environment: &environment }));
    let own = providers::own(&file, &environment, &mut findings);
    let providers = [providers::known(&settings), own].concat();
    findings.extend(providers::not_built_in(&providers));
    let config = build::config(profile, &dir, &settings, providers, master_keys);
    Loaded { profile, dir, resources: file.resources, roles: file.roles, settings, findings, config }
}

impl Loaded {
    /// The roles that nobody holds without a second factor.
    pub fn require_mfa(&self) -> &[String] {
        self.settings.list("auth.require_mfa").unwrap_or_default()
    }

    /// Everything found here, and `others` that were found elsewhere, as in the declared resources.
    pub fn report(&self, others: Vec<Finding>) -> Report {
        let mut findings = self.findings.clone();
        findings.extend(others);
        if self.config.is_none() && !Report::new(self.profile, findings.clone()).has_errors() {
            let reason = "cannot be put together, and no rule says why: this is a defect of Hardpan";
            findings.push(Finding::error(file::NAME, reason, "report it with this app file"));
        }
        Report::new(self.profile, findings)
    }

    /// The configuration, and the report of its warnings; or the report of its errors.
    pub fn ready(self, others: Vec<Finding>) -> Result<(Config, Report), Report> {
        let report = self.report(others);
        match self.config {
            Some(config) if !report.has_errors() => Ok((config, report)),
            _ => Err(report),
        }
    }

    /// Every key's value and where it came from: `{"server.listen": {"value": ..., "from": ...}}`; passwords are hidden.
    pub fn values(&self) -> Json {
        let values = self
            .settings
            .shown()
            .map(|(key, value, origin)| (key, json!({"value": value, "from": origin.to_string()})));
        json!(values.collect::<BTreeMap<_, _>>())
    }
}
