//! Reads a TOML table key by key and notes everything that is wrong with it.
use toml::{Table, Value};

/// One thing that is wrong in the app file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A warning lets the server start.
    pub is_error: bool,
    /// A dotted path, as `resources.documents.access.read`.
    pub key: String,
    pub reason: String,
    pub fix: String,
}

/// Notes problems under a path.
pub(super) struct Reader<'a, 'p> {
    pub path: String,
    table: &'a Table,
    known: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Reader<'a, 'p> {
    pub fn new(path: String, table: &'a Table, problems: &'p mut Vec<Problem>) -> Self {
        Self { path, table, known: Vec::new(), problems }
    }

    pub fn problem(&mut self, key: &str, reason: impl Into<String>, fix: impl Into<String>) {
        let key = if key.is_empty() { self.path.clone() } else { format!("{}.{key}", self.path) };
        self.problems.push(Problem { is_error: true, key, reason: reason.into(), fix: fix.into() });
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.table.get(key)
    }

    fn typed<T>(&mut self, key: &'static str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.get(key)?;
        let read = read(value);
        if read.is_none() {
            let reason = format!("is {} where {expected} is needed", value.type_str());
            self.problem(key, reason, format!("write {expected}"));
        }
        read
    }

    pub fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.typed(key, "a string", Value::as_str)
    }

    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub fn int(&mut self, key: &'static str) -> Option<i64> {
        self.typed(key, "a whole number", Value::as_integer)
    }

    pub fn table(&mut self, key: &'static str) -> Option<&'a Table> {
        self.typed(key, "a table", Value::as_table)
    }

    pub fn texts(&mut self, key: &'static str) -> Option<Vec<&'a str>> {
        self.typed(key, "a list of strings", texts)
    }

    /// Lists of field names, each alone or as `{ fields = [...], where = "..." }`.
    pub fn entries(&mut self, key: &'static str) -> Option<Vec<(Vec<&'a str>, Option<&'a str>)>> {
        let expected = "a list of lists of field names, or of tables with fields and where";
        self.typed(key, expected, |value| value.as_array()?.iter().map(entry).collect())
    }

    /// A known key that is read in another pass.
    pub fn later(&mut self, key: &'static str) {
        self.known.push(key);
    }

    pub fn any(&mut self, key: &'static str) -> Option<&'a Value> {
        self.get(key)
    }

    /// One of `members`, which the first word of each names.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, members: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = members.iter().find(|(name, _)| *name == text).map(|(_, member)| *member);
        if found.is_none() {
            let names: Vec<_> = members.iter().map(|(name, _)| *name).collect();
            self.problem(key, format!("`{text}` is not known"), format!("write one of {}", names.join(", ")));
        }
        found
    }

    /// Reads a table inside this one, unknown keys included.
    pub fn nested<T>(&mut self, key: &str, table: &Table, read: impl FnOnce(&mut Reader) -> T) -> T {
        let mut reader = Reader::new(format!("{}.{key}", self.path), table, self.problems);
        let read = read(&mut reader);
        reader.finish();
        read
    }

    /// One string of a table inside this one, whose other keys are read elsewhere.
    pub fn nested_text<'t>(&mut self, path: &str, table: &'t Table, key: &'static str) -> Option<&'t str> {
        Reader { path: format!("{}.{path}", self.path), table, known: Vec::new(), problems: self.problems }.text(key)
    }

    /// Refuses every key that was not asked for.
    pub fn finish(mut self) {
        let unknown: Vec<String> =
            self.table.keys().filter(|key| !self.known.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            let known = self.known.join(", ");
            self.problem(&key, "is not a known key", format!("known here are {known}"));
        }
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn entry(value: &Value) -> Option<(Vec<&str>, Option<&str>)> {
    let Some(table) = value.as_table() else { return Some((texts(value)?, None)) };
    let filter = match table.get("where") {
        Some(filter) => Some(filter.as_str()?),
        None => None,
    };
    let is_known = table.keys().all(|key| matches!(key.as_str(), "fields" | "where"));
    if is_known { Some((texts(table.get("fields")?)?, filter)) } else { None }
}
