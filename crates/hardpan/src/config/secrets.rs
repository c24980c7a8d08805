//! The master keys of the environment, present and previous.
use super::{
    environment::Environment,
    finding::{Finding, Level},
    master_key::{self, FIX, MasterKey, PREVIOUS, VARIABLE},
    profile::Profile,
};

/// The keys that could be read.
#[derive(Default)]
pub struct MasterKeys {
    pub current: Option<MasterKey>,
    pub previous: Option<MasterKey>,
}

/// Reads both keys and judges them: staging and production require a strong one, development and testing make their own.
pub fn read(profile: Profile, environment: &Environment, findings: &mut Vec<Finding>) -> MasterKeys {
    let before = findings.len();
    let current = read_one(VARIABLE, profile, environment, findings);
    let is_missing = current.is_none() && findings.len() == before;
    if is_missing && profile.is_exposed() {
        let reason = format!("is not set, and {profile} requires it: every other secret derives from it");
        findings.push(Finding::error(VARIABLE, reason, FIX));
    }
    let previous = read_one(PREVIOUS, profile, environment, findings);
    if let (Some(current), Some(previous)) = (&current, &previous)
        && current.is_same(previous)
    {
        let reason = format!("is the same key as {VARIABLE}");
        findings.push(Finding::error(PREVIOUS, reason, "unset it, unless the key is being changed"));
    }
    MasterKeys { current, previous }
}

fn read_one(name: &str, profile: Profile, environment: &Environment, findings: &mut Vec<Finding>) -> Option<MasterKey> {
    let (text, _) = environment.secret(name, findings)?;
    let key = master_key::decode(&text);
    let faults = master_key::faults(&text);
    if !faults.is_empty() {
        // At home a weak key is a poor habit; one that is no key at all cannot be used anywhere.
        let level = if profile.is_exposed() || key.is_none() { Level::Error } else { Level::Warning };
        let fix = if profile.is_exposed() { FIX.to_owned() } else { format!("unset it, and {profile} makes its own") };
        findings.push(Finding::new(level, name, join(&faults), fix));
    }
    key
}

/// `a, b and c`.
fn join(faults: &[&str]) -> String {
    match faults {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
