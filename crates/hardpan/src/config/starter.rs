//! The files of a new app: small, commented, and served as they are.
use std::fmt::Write as _;

use super::{
    keys::{KEYS, Key},
    kind::Kind,
};

const HEAD: &str = r#"# An app: what it is called, what it stores, who may do what. `hardpan serve` serves it, `hardpan check` checks it.

[app]
name = "NAME"
# The only base for links that leave the server. Required in staging and production.
# public_url = "https://NAME.example.com"

[database]
# PostgreSQL: postgres://user:password@host:5432/database, best set by DATABASE_URL.
url = "sqlite:data/NAME.db"
DATABASE_KEYS
# The key is the plural name, the path segment (/api/v1/notes) and the table.
# Every resource also has id, owner_id, created_at, updated_at and version.
[resources.notes]
id_prefix = "note"
owner = "user"                            # rows belong to their creator; "none" for shared tables

[resources.notes.fields]
title  = { type = "text", required = true, max_length = 200 }
body   = { type = "text", max_length = 100000 }
pinned = { type = "bool", default = false }

# Without rules, anyone logged in may create, and owners and administrators may do the rest. A rule replaces that:
# [resources.notes.access]
# read = "record.owner_id == actor.id || actor.has_role('reader')"

# ----------------------------------------------------------------------------------------------------------------------
# Everything below is optional and shows its default, or an example.
"#;

/// `hardpan.toml` of a new app. `name` must be one that `app.name` takes.
pub fn app_file(name: &str) -> String {
    let mut text = HEAD.replace("NAME", name);
    // [database] stands at the top, and TOML wants each table once.
    text = text.replace("DATABASE_KEYS\n", &(commented("database") + "\n"));
    let mut sections: Vec<_> =
        KEYS.iter().map(Key::section).filter(|name| !matches!(*name, "app" | "database")).collect();
    sections.dedup();
    for section in sections {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# [{section}]\n{}", commented(section));
    }
    text
}

/// The keys of a section with what they do, all commented out.
fn commented(section: &str) -> String {
    let keys = KEYS.iter().filter(|key| key.section() == section && key.path != "database.url");
    keys.fold(String::new(), |mut text, key| {
        let line = format!("{} = {}", key.name(), value(key));
        let _ = writeln!(text, "# {line:<39} # {}", lowercase(key.doc));
        text
    })
}

/// A sentence as a remark.
fn lowercase(doc: &str) -> String {
    let mut letters = doc.chars();
    // Neither a name, as GitHub, nor an abbreviation.
    let is_word = !doc.chars().skip(1).take_while(|letter| letter.is_alphanumeric()).any(char::is_uppercase);
    match letters.next() {
        Some(first) if is_word => first.to_ascii_lowercase().to_string() + letters.as_str(),
        _ => doc.to_owned(),
    }
}

fn value(key: &Key) -> String {
    let text = key.defaults.0.unwrap_or(key.example);
    match key.kind {
        Kind::Bool | Kind::Int(..) => text.to_owned(),
        kind if kind.is_list() && text.is_empty() => "[]".to_owned(),
        _ => format!("\"{text}\""),
    }
}

/// `.env` of a new app: nothing is needed in development.
pub const DOTENV: &str = "\
# Read in development only; variables of the real environment win. Not for version control.

# HARDPAN_SERVER__LISTEN=127.0.0.1:8081
# DATABASE_URL=postgres://user:password@127.0.0.1:5432/database
";

/// `.env.example` of a new app: what staging and production need.
pub fn dotenv_example(name: &str) -> String {
    format!(
        "\
# What staging and production need. Set it in the real environment: .env is read in development only.

# HARDPAN_PROFILE=production
# HARDPAN_APP__PUBLIC_URL=https://{name}.example.com
# DATABASE_URL=postgres://{name}:password@db.example.com:5432/{name}?sslmode=require

# `hardpan keygen` prints one; keep it apart from the database and its backups.
HARDPAN_MASTER_KEY=
"
    )
}

/// What must not get into version control, a line each.
pub const IGNORED: [&str; 4] = ["/data/", "*.db", "master.key", ".env"];

/// A name that `app.name` takes, from a folder's.
pub fn app_name(folder: &str) -> String {
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter.to_ascii_lowercase() } else { '-' };
    let name: String = folder.chars().map(plain).skip_while(|letter| !letter.is_ascii_lowercase()).take(40).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    #[test]
    fn folders_become_names() {
        for (folder, name) in
            [("notes", "notes"), ("My Notes!", "my-notes"), ("2024-app", "app"), ("..", "app"), ("été", "t")]
        {
            assert_eq!(app_name(folder), name, "{folder}");
            assert!(Kind::Name.read_text(name).is_ok());
        }
    }

    #[test]
    fn every_key_is_there_and_uncommented_it_is_still_toml() {
        let text = app_file("notes");
        assert!(text.parse::<toml::Table>().is_ok());
        let is_plain = |line: &str| line.starts_with("# [") || line.contains(" = ") && !line.contains("HARDPAN");
        let open: String = text
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|_| is_plain(line)).unwrap_or(line).to_owned() + "\n")
            .collect();
        let mut findings = Vec::new();
        let file = file::take_apart(open.parse().unwrap(), &mut findings);
        assert_eq!(findings, []);
        for key in KEYS {
            let value = file.values.get(key.path);
            assert!(value.is_some_and(|value| key.kind.read_toml(value).is_ok()), "{}", key.path);
        }
    }
}
