//! A migration of the declared tables as a file people review: engine-neutral steps, and the shapes they lead from and to.
use std::fmt::Write as _;

use ::store::migrate::checksum;
use serde::{Deserialize, Serialize};

use super::{shape::Shapes, step::Step};

/// One file of the `migrations` folder.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    /// Its name without `.toml`; sorts by time: `202611211130_rename_title`.
    pub id: String,
    pub steps: Vec<Step>,
    /// Digests of the tables it starts from and leads to.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) checksum: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    from: String,
    to: String,
    /// For who reads it; what is destructive is known from the steps.
    #[serde(default)]
    destructive: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Written<'s> {
    steps: [&'s Step; 1],
}

impl MigrationFile {
    /// Errors: what is wrong with the text.
    pub fn parse(id: &str, text: &str) -> Result<Self, String> {
        let content: Content = toml::from_str(text).map_err(|error| format!("{id}.toml: {error}"))?;
        let Content { from, to, steps, .. } = content;
        Ok(Self { id: id.to_owned(), steps, from, to, checksum: checksum(text) })
    }

    pub fn is_destructive(&self) -> bool {
        self.steps.iter().any(Step::is_destructive)
    }
}

/// The text of a file that leads from `from` to `to`. Errors: the steps cannot be written, which is a defect.
pub(super) fn text(from: &Shapes, steps: &[Step], to: &Shapes) -> Result<String, toml::ser::Error> {
    let destructive = steps.iter().any(Step::is_destructive);
    let head = Content { from: digest(from), to: digest(to), destructive, steps: Vec::new() };
    let mut text = String::from(
        "# Written by `hardpan migrate diff`, applied by `hardpan migrate apply`. Once applied it is not edited any more.\n\
         # `from` and `to` are digests of the tables before and after.\n\n",
    );
    text.push_str(&toml::to_string(&head)?);
    for step in steps {
        let mark = if step.is_destructive() { "DESTRUCTIVE: " } else { "" };
        let _ = write!(text, "\n# {mark}{step}\n{}", toml::to_string(&Written { steps: [step] })?);
    }
    Ok(text)
}

/// The same for the same tables, in whatever order columns and indexes came.
pub(super) fn digest(shapes: &Shapes) -> String {
    let mut shapes = shapes.clone();
    for shape in shapes.values_mut() {
        shape.columns.sort_by(|one, other| one.name.cmp(&other.name));
        shape.indexes.sort_by(|one, other| one.name.cmp(&other.name));
    }
    // Shapes have nothing JSON cannot say.
    checksum(&serde_json::to_string(&shapes).unwrap_or_default())
}
