//! The reference page of every key, written from the table; a test keeps `docs/configuration.md` equal to it.
use std::fmt::Write as _;

use super::{
    keys::{KEYS, Key, RESOURCES, ROLES},
    kind::Kind,
};

const HEAD: &str = "\
# Configuration

<!-- Written by `cargo run -p hardpan -- config-reference > docs/configuration.md`; do not edit. -->

`hardpan check` reads everything below and reports every problem at once, each with its key, its reason and its fix.
`hardpan check --format json` also shows every key's value and where it came from.

## Where values come from

Later ones win:

1. the defaults below;
2. the app file, `hardpan.toml`;
3. the environment's well-known names, as `DATABASE_URL`;
4. the environment's `HARDPAN_<SECTION>__<KEY>`, as `HARDPAN_DATABASE__POOL__MAX`;
5. the command line, `--set database.pool.max=40`.

In development, `.env` beside the app file adds variables that the environment does not have. A variable that is empty counts
as not set; for a list it is the empty list. Lists are separated by commas. Relative paths start at the app's folder.

Variables marked *secret* may instead be read from a file: `DATABASE_URL_FILE=/run/secrets/database_url`.

An unknown key of the app file and an unknown variable that begins with `HARDPAN_` are errors.

## Environment alone

| variable | meaning |
|---|---|
| `HARDPAN_PROFILE` | `development` (default), `testing`, `staging` or `production` |
| `HARDPAN_MASTER_KEY` | 32 random bytes in base64, as `hardpan keygen` prints; required in staging and production. Development and testing make one in the data folder. Every other secret derives from it or is stored encrypted under it. *Secret* |
| `HARDPAN_MASTER_KEY_PREVIOUS` | the key before, while the master key is being changed. *Secret* |

## Profiles

Development and testing listen on loopback only and need nothing set. Staging and production refuse to start with

- no master key, or one that is short, known from examples or low in entropy;
- no `app.name`, `app.public_url` or `database.url`, or a public URL that is not https;
- a wildcard among `cors.origins`;
- rate limits switched off;
- metrics beyond loopback;
- a PostgreSQL user without a password, or with one that everyone tries first;
- `DEBUG=true` in the environment.

`JWT_SECRET`, `SECRET_KEY`, `SESSION_SECRET`, `COOKIE_SECRET` and `ENVIRONMENT` are not read; `check` says what replaces them.
";

/// The page as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            // Writing to a String cannot fail.
            let _ = write!(
                page,
                "\n## [{section}]\n\n| key | meaning | takes | default | environment |\n|---|---|---|---|---|\n"
            );
        }
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            key.name(),
            key.doc.replace('|', "\\|"),
            takes(key.kind),
            default(key),
            environment(key)
        );
    }
    let _ = write!(
        page,
        "\n## [{RESOURCES}]\n\nThe app's own tables, their fields and who may do what with them; see the guide to resources.\n\n## [{ROLES}]\n\nThe roles that accounts can be given, and what each permits; see the guide to the app file.\n"
    );
    page
}

fn takes(kind: Kind) -> String {
    match kind {
        Kind::Choice(now, later) if !later.is_empty() => {
            format!("{}; not available yet: {}", now.join(" or "), later.join(", "))
        }
        other => other.advice(),
    }
}

fn default(key: &Key) -> String {
    let show = |text: &str| if text.is_empty() { "none".to_owned() } else { format!("`{text}`") };
    match key.defaults {
        (None, None) if key.is_required => "required in staging and production".to_owned(),
        (None, None) => "none".to_owned(),
        (Some(home), None) => format!("{}; required in staging and production", show(home)),
        (Some(home), Some(exposed)) if home == exposed => show(home),
        (home, exposed) => {
            let [home, exposed] = [home, exposed].map(|text| show(text.unwrap_or_default()));
            format!("{home}; in staging and production {exposed}")
        }
    }
}

fn environment(key: &Key) -> String {
    let names = key.well_known.map(str::to_owned).into_iter().chain([key.variable()]);
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    format!("{}{}", names.join(", "), if key.is_secret { "; *secret*" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        let is_equal = page == reference();
        assert!(is_equal, "write it again: cargo run -p hardpan -- config-reference > docs/configuration.md");
    }

    #[test]
    fn every_key_has_one_row() {
        let page = reference();
        for key in KEYS {
            assert_eq!(
                page.matches(&format!("`{}`", key.variable())).count(),
                1 + usize::from(key.path == "database.pool.max")
            );
        }
    }
}
