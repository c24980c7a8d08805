//! Names that begin with `HARDPAN_`: every unknown one is an error, because a misspelt safeguard guards nothing.
use super::{environment::Environment, finding::Finding, keys::KEYS, master_key, profile, suggest};

/// Every name that means something.
pub fn known() -> Vec<String> {
    let mut names = vec![profile::VARIABLE.to_owned()];
    for name in [master_key::VARIABLE, master_key::PREVIOUS] {
        names.extend([name.to_owned(), format!("{name}_FILE")]);
    }
    for key in KEYS {
        names.push(key.variable());
        if key.is_secret {
            names.push(key.variable() + "_FILE");
        }
    }
    names
}

/// An error for each unknown name, with the likely one.
pub fn check(environment: &Environment) -> Vec<Finding> {
    let known = known();
    let is_unknown = |name: &&str| name.starts_with("HARDPAN_") && !known.iter().any(|other| other == name);
    environment.names().filter(is_unknown).map(|name| unknown(name, &known)).collect()
}

fn unknown(name: &str, known: &[String]) -> Finding {
    let is_file_of_a_plain_key =
        name.strip_suffix("_FILE").is_some_and(|plain| known.iter().any(|other| other == plain));
    if is_file_of_a_plain_key {
        return Finding::error(name, "names a file for a key that is no secret", "set the variable without _FILE");
    }
    let fix = match suggest::nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "unset it; docs/configuration.md lists every name".to_owned(),
    };
    Finding::error(name, "is not a known name", fix)
}
