//! The app file: read once, every unknown name reported, the declared resources and roles taken out untouched.
use std::{collections::BTreeMap, fs, io, path::Path};

use super::{
    finding::Finding,
    keys::{self, KEYS, RESOURCES, ROLES},
    suggest,
};

/// The app file's name.
pub const NAME: &str = "hardpan.toml";

/// What the app file says.
#[derive(Default)]
pub struct AppFile {
    /// By the key's path.
    pub values: BTreeMap<&'static str, toml::Value>,
    /// `[resources]`, as it stands.
    pub resources: toml::Table,
    /// `[roles]`, the same.
    pub roles: toml::Table,
    /// The tables `[oauth.NAME]` of providers that are not known by name.
    pub providers: BTreeMap<String, toml::Value>,
    /// Whether the file could be read: otherwise nothing can be called missing from it.
    pub is_read: bool,
}

/// Reads `dir/hardpan.toml`. A file that is missing or malformed counts as empty and is reported.
pub fn read(dir: &Path, findings: &mut Vec<Finding>) -> AppFile {
    let path = dir.join(NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            findings.push(unreadable(dir, &error));
            return AppFile::default();
        }
    };
    match text.parse() {
        Ok(table) => take_apart(table, findings),
        Err(error) => {
            findings.push(malformed(&text, &error));
            AppFile::default()
        }
    }
}

fn unreadable(dir: &Path, error: &io::Error) -> Finding {
    let dir = dir.display();
    if error.kind() == io::ErrorKind::NotFound {
        return Finding::error(
            NAME,
            format!("there is none in {dir}"),
            "name the app's folder, or make one: hardpan init DIR",
        );
    }
    Finding::error(NAME, format!("cannot be read in {dir}: {error}"), "make it a UTF-8 file this user may read")
}

/// The line and the parser's words; never the line's text, which may hold a password.
fn malformed(text: &str, error: &toml::de::Error) -> Finding {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!(" in line {}", before.matches('\n').count() + 1)).unwrap_or_default();
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    Finding::error(NAME, format!("is not valid TOML{line}: {message}"), "correct that line; see https://toml.io")
}

/// Sorts a parsed file into values and resources, and reports what is unknown.
pub fn take_apart(mut table: toml::Table, findings: &mut Vec<Finding>) -> AppFile {
    let mut file = AppFile { is_read: true, ..AppFile::default() };
    for (name, place) in [(RESOURCES, &mut file.resources), (ROLES, &mut file.roles)] {
        match table.remove(name) {
            None => {}
            Some(toml::Value::Table(declared)) => *place = declared,
            Some(_) => findings.push(not_a_table(name)),
        }
    }
    if let Some(toml::Value::Table(oauth)) = table.get_mut("oauth") {
        let is_own = |name: &str| !KEYS.iter().any(|key| is_below(key.path, &format!("oauth.{name}")));
        let names: Vec<String> = oauth
            .iter()
            .filter(|(name, table)| table.is_table() && is_own(name))
            .map(|(name, _)| name.clone())
            .collect();
        file.providers = names.into_iter().filter_map(|name| Some((name.clone(), oauth.remove(&name)?))).collect();
    }
    flatten("", table, &mut file.values, findings);
    file
}

fn flatten(
    prefix: &str,
    table: toml::Table,
    values: &mut BTreeMap<&'static str, toml::Value>,
    findings: &mut Vec<Finding>,
) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let is_table_of_keys = KEYS.iter().any(|key| is_below(key.path, &path));
        match value {
            toml::Value::Table(inner) if is_table_of_keys => flatten(&path, inner, values, findings),
            _ if is_table_of_keys => findings.push(not_a_table(&path)),
            value => match keys::find(&path) {
                Some(key) => drop(values.insert(key.path, value)),
                None => findings.push(unknown(prefix, &name, path)),
            },
        }
    }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn not_a_table(path: &str) -> Finding {
    Finding::error(path, "is a single value where a table is expected", format!("write it as [{path}] with keys below"))
}

fn unknown(prefix: &str, name: &str, path: String) -> Finding {
    let fix = match likely(prefix, name) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "remove it; docs/configuration.md lists every key".to_owned(),
    };
    Finding::error(path, "is not a known key", fix)
}

/// The known key that was meant: one spelt alike in the same table, or of the same name in another.
fn likely(prefix: &str, name: &str) -> Option<String> {
    let below = |key: &&'static str| prefix.is_empty() || is_below(key, prefix);
    let skip = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
    let paths = || KEYS.iter().map(|key| key.path).chain([RESOURCES, ROLES].into_iter().filter(|_| prefix.is_empty()));
    let siblings = paths().filter(below).filter_map(|path| path[skip..].split('.').next());
    if let Some(sibling) = suggest::nearest(name, siblings) {
        return Some(if prefix.is_empty() { format!("[{sibling}]") } else { format!("{prefix}.{sibling}") });
    }
    let elsewhere = KEYS.iter().find(|key| key.path.rsplit('.').next() == Some(name));
    elsewhere.map(|key| key.path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<(String, String)> {
        let mut findings = Vec::new();
        take_apart(text.parse().unwrap(), &mut findings);
        findings.into_iter().map(|finding| (finding.key, finding.fix)).collect()
    }

    #[test]
    fn known_keys_are_found_at_any_depth() {
        let mut none = Vec::new();
        let text = "app.name = \"x\"\n[database]\npool = { min = 1, max = 2 }\n[resources.notes.fields]\na = 1";
        let file = take_apart(text.parse().unwrap(), &mut none);
        assert_eq!(none, []);
        assert_eq!(
            file.values.keys().copied().collect::<Vec<_>>(),
            ["app.name", "database.pool.max", "database.pool.min"]
        );
        assert!(file.resources["notes"]["fields"]["a"].is_integer());
    }

    #[test]
    fn unknown_names_come_with_the_likely_one() {
        for (text, key, fix) in [
            ("[server]\nlisten_on = \"x\"", "server.listen_on", "did you mean server.listen?"),
            ("[sever]\nlisten = \"x\"", "sever", "did you mean [server]?"),
            ("[resorces.notes]", "resorces", "did you mean [resources]?"),
            ("listen = \"x\"", "listen", "did you mean server.listen?"),
            (
                "[database.pool]\nmaximum = 3",
                "database.pool.maximum",
                "remove it; docs/configuration.md lists every key",
            ),
            ("[database.pool]\nmaxx = 3", "database.pool.maxx", "did you mean database.pool.max?"),
            ("server = 1", "server", "write it as [server] with keys below"),
            ("resources = 1", "resources", "write it as [resources] with keys below"),
            ("roles = []", "roles", "write it as [roles] with keys below"),
            ("[role.editor]", "role", "did you mean [roles]?"),
        ] {
            assert_eq!(findings(text), [(key.to_owned(), fix.to_owned())], "{text}");
        }
    }

    #[test]
    fn a_malformed_line_is_named_and_not_shown() {
        let text = "[app]\nname = \"x\"\nurl = postgres://u:hidden@db\n";
        let error = text.parse::<toml::Table>().unwrap_err();
        let finding = malformed(text, &error);
        assert!(finding.reason.starts_with("is not valid TOML in line 3: "), "{}", finding.reason);
        assert!(!finding.reason.contains("hidden"), "{}", finding.reason);
    }
}
