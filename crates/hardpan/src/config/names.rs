//! Names that begin with `HARDPAN_`: every unknown one is an error, because a misspelt safeguard guards nothing.
use super::{
    environment::Environment, file::AppFile, finding::Finding, keys::KEYS, master_key, profile, providers, suggest,
};

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
pub fn check(environment: &Environment, file: &AppFile) -> Vec<Finding> {
    let mut known = known();
    known.extend(file.providers.keys().flat_map(|name| providers::variables(name)));
    let is_ours = |name: &&str| name.starts_with("HARDPAN_") && !is_service_link(name);
    let is_unknown = |name: &&str| is_ours(name) && !known.iter().any(|other| other == name);
    environment.names().filter(is_unknown).map(|name| unknown(name, &known)).collect()
}

/// What Kubernetes tells every container about a Service called `hardpan`. Our own keys have two underscores.
fn is_service_link(name: &str) -> bool {
    let is_link = name == "HARDPAN_PORT"
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_");
    is_link && !name.contains("__")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_told_from_misspelt_names() {
        for name in ["HARDPAN_SERVICE_HOST", "HARDPAN_SERVICE_PORT_HTTP", "HARDPAN_PORT", "HARDPAN_PORT_80_TCP_ADDR"] {
            assert!(is_service_link(name), "{name}");
        }
        for name in ["HARDPAN_PROFIL", "HARDPAN_SERVER__PORT_", "HARDPAN_MASTERKEY", "HARDPAN_PORTS"] {
            assert!(!is_service_link(name), "{name}");
        }
    }
}
