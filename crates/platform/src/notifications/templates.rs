//! Templates: built in, replaced by files of the app where it has them, all tried before the first message is written.
use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use kernel::{Error, Result};
use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde_json::{Map, Value as Json, json};

use super::{address::one_line, template::Template};

const LAYOUT: &str = "layout.html";
/// What one template may do: enough for any mail, and an endless loop ends.
const FUEL: u64 = 100_000;

/// Every message, ready to be written. Cheap to clone.
#[derive(Clone)]
pub struct Templates(Arc<Environment<'static>>);

/// A message as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line; empty for an SMS.
    pub subject: String,
    pub text: String,
    /// Empty for an SMS.
    pub html: String,
}

impl Templates {
    /// Those that are built in.
    pub fn built_in() -> Result<Self> {
        Self::load(None).map_err(|problems| Error::internal(problems.join("; ")))
    }

    /// With what `folder` has in their place. Errors: everything that is wrong with the files in it, a sentence each.
    pub fn load(folder: Option<&Path>) -> std::result::Result<Self, Vec<String>> {
        let mut files = folder.map_or_else(|| Ok(BTreeMap::new()), read).map_err(|problem| vec![problem])?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(|error| vec![error.to_string()])?);
        environment.set_fuel(Some(FUEL));
        let mut problems = Vec::new();
        let mut add = |name: String, source: String| {
            let added = environment.add_template_owned(name.clone(), source);
            problems.extend(added.err().map(|error| fault(&name, &error)));
        };
        let layout = files.remove(LAYOUT).unwrap_or_else(|| include_str!("templates/layout.html").to_owned());
        add(LAYOUT.to_owned(), layout);
        for template in Template::ALL {
            let (name, built_in) = (template.name(), template.files());
            let text = files.remove(&format!("{name}.txt")).unwrap_or_else(|| built_in.text.to_owned());
            let (subject, text) = if template.is_sms() { (String::new(), text) } else { split(&text) };
            add(format!("{name}.subject"), subject);
            add(format!("{name}.txt"), text);
            if let Some(html) = built_in.html {
                add(format!("{name}.html"), files.remove(&format!("{name}.html")).unwrap_or_else(|| html.to_owned()));
            }
        }
        problems.extend(files.into_keys().map(|name| format!("{name} is the name of no template")));
        let templates = Self(Arc::new(environment));
        if problems.is_empty() {
            problems.extend(Template::ALL.into_iter().filter_map(|template| templates.fault(template)));
        }
        if problems.is_empty() { Ok(templates) } else { Err(problems) }
    }

    /// Writes `template` with `values`. Errors: internal, when one is missing that it needs.
    pub fn render(&self, template: Template, values: &Json) -> Result<Rendered> {
        self.write(template, values).map_err(Error::internal)
    }

    fn write(&self, template: Template, values: &Json) -> std::result::Result<Rendered, String> {
        let mut all = Map::new();
        for name in Template::OPTIONAL {
            all.insert(name.to_owned(), Json::Null);
        }
        all.extend(values.as_object().cloned().unwrap_or_default());
        let name = template.name();
        let subject = one_line(&self.part(&format!("{name}.subject"), &all)?);
        all.insert("subject".to_owned(), subject.as_str().into());
        let text = self.part(&format!("{name}.txt"), &all)?;
        let html = if template.is_sms() { String::new() } else { self.part(&format!("{name}.html"), &all)? };
        Ok(Rendered { subject, text, html })
    }

    fn part(&self, name: &str, values: &Map<String, Json>) -> std::result::Result<String, String> {
        let template = self.0.get_template(name).map_err(|error| fault(name, &error))?;
        template.render(Serde(values)).map_err(|error| fault(name, &error))
    }

    /// What is wrong with a template: found by writing it, with everything it may count on and with the least of it.
    fn fault(&self, template: Template) -> Option<String> {
        let full = sample(template);
        let mut least = full.clone();
        for name in Template::OPTIONAL {
            least[name] = Json::Null;
        }
        [full, least].iter().find_map(|values| self.fault_with(template, values))
    }

    fn fault_with(&self, template: Template, values: &Json) -> Option<String> {
        let name = template.name();
        let rendered = match self.write(template, values) {
            Err(problem) => return Some(problem),
            Ok(rendered) => rendered,
        };
        if rendered.subject.is_empty() && !template.is_sms() {
            return Some(format!("{name}.txt does not begin with a line `Subject: ...`"));
        }
        // Without these a message is of no use.
        let mut needed = ["link", "code"].into_iter().filter(|value| template.values().contains(value));
        let lacking = needed.find(|value| !rendered.text.contains(values[*value].as_str().unwrap_or_default()))?;
        Some(format!("{name}.txt does not show {{{{ {lacking} }}}}"))
    }
}

/// Values that every template can be written with.
fn sample(template: Template) -> Json {
    let mut values = json!({
        "app_name": "notes", "app_url": "https://notes.example.com", "app_host": "notes.example.com",
        "device": "Firefox on Linux", "address": "203.0.113.9", "inviter": "Ann",
    });
    for name in template.values() {
        values[*name] = match *name {
            "link" => "https://notes.example.com/auth/verify#token=sample".into(),
            "code" => "123456".into(),
            other => format!("a {other}").into(),
        };
    }
    values
}

/// The subject, and the text after the empty line.
fn split(text: &str) -> (String, String) {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    match head.trim_end().strip_prefix("Subject:") {
        Some(subject) => (subject.trim().to_owned(), rest.trim_start_matches(['\r', '\n']).to_owned()),
        None => (String::new(), text.to_owned()),
    }
}

/// The files of a folder by name.
fn read(folder: &Path) -> std::result::Result<BTreeMap<String, String>, String> {
    let unreadable = |path: &Path, error: io::Error| format!("{} cannot be read: {error}", path.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What editors and systems leave behind begins with a dot.
        if !name.starts_with('.') {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.insert(name, text.replace("\r\n", "\n"));
        }
    }
    Ok(files)
}

/// Where and what, without the values.
fn fault(name: &str, error: &minijinja::Error) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let place = match (error.name(), error.line()) {
        (Some(file), Some(line)) => format!("{file}, line {line}"),
        _ => name.to_owned(),
    };
    format!("{place}: {}{detail}", error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: Template, changed: &Json) -> Rendered {
        let mut values = sample(template);
        values.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        Templates::built_in().unwrap().render(template, &values).unwrap()
    }

    #[test]
    fn every_template_shows_what_it_is_given() {
        for template in Template::ALL {
            let Rendered { subject, text, html } = rendered(template, &json!({}));
            for value in template.values().iter().map(|name| sample(template)[*name].as_str().unwrap().to_owned()) {
                assert!(text.contains(&value), "{template:?} {value}");
                assert!(
                    template.is_sms() || html.contains(&value.replace('/', "&#x2f;")),
                    "{template:?} {value} {html}"
                );
            }
            assert_eq!(subject.is_empty(), template.is_sms(), "{template:?}");
            for part in [&subject, &text, &html] {
                assert!(!part.contains("{{") && !part.contains("{%"), "{template:?} {part}");
            }
        }
    }

    #[test]
    fn values_cannot_become_markup_or_headers() {
        let nasty = json!({"app_name": "<script>alert(1)</script>\r\nBcc: eve@example.com", "inviter": "<b>x</b>"});
        let Rendered { subject, html, .. } = rendered(Template::Invitation, &nasty);
        assert_eq!(subject, "You are invited to <script>alert(1)</script> Bcc: eve@example.com");
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn the_text_of_an_event() {
        let values = json!({"at": "2026-11-21 09:00 UTC", "app_name": "notes", "app_url": "https://n.example"});
        let templates = Templates::built_in().unwrap();
        let least = templates.render(Template::PasswordChanged, &values).unwrap();
        let expected = "The password of your notes account was changed.\n\nWhen: 2026-11-21 09:00 UTC\n\n\
                        If this was not you, reset your password at once and look through your sessions: https://n.example\n";
        assert_eq!(least.text, expected);
        let full = rendered(Template::PasswordChanged, &json!({}));
        assert!(full.text.contains("Device: Firefox on Linux\nAddress: 203.0.113.9\n"), "{}", full.text);
    }

    #[test]
    fn a_missing_value_is_an_error() {
        let templates = Templates::built_in().unwrap();
        assert!(templates.render(Template::VerifyEmail, &json!({"app_name": "notes"})).is_err());
    }

    #[test]
    fn files_of_the_app_come_first_and_are_tried() {
        let folder = tempfile::tempdir().unwrap();
        let with = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            let loaded = Templates::load(Some(folder.path()));
            fs::remove_file(folder.path().join(name)).unwrap();
            loaded.map_err(|problems| problems.join("; "))
        };
        let own = with("login_code.txt", "Subject: Code {{ code }}\r\n\r\nIt is {{ code }}.\r\n").unwrap();
        let own = own.render(Template::LoginCode, &sample(Template::LoginCode)).unwrap();
        assert_eq!((own.subject.as_str(), own.text.as_str()), ("Code 123456", "It is 123456.\n"));
        for (name, text, problem) in [
            ("login_code.txt", "Subject: x\n\n{{ cod }}", "login_code.txt, line 1: undefined value"),
            ("login_code.txt", "Subject: x\n\n{{ code", "login_code.txt, line 1: syntax error"),
            ("login_code.txt", "It is {{ code }}.", "login_code.txt does not begin with a line `Subject: ...`"),
            ("login_code.txt", "Subject: x\n\nNo.", "login_code.txt does not show {{ code }}"),
            (
                "login_code.txt",
                "Subject: x\n\n{% for a in range(9999) %}{% for b in range(9999) %}{{ code }}{% endfor %}{% endfor %}",
                "fuel",
            ),
            ("login_code.html", "{% extends \"other.html\" %}", "template not found"),
            ("log_in_code.txt", "", "log_in_code.txt is the name of no template"),
        ] {
            let found = with(name, text).err().unwrap_or_default();
            assert!(found.contains(problem), "{name} {text:?} {found:?}");
        }
        let nowhere = Templates::load(Some(&folder.path().join("none"))).err().unwrap();
        assert!(nowhere[0].contains("cannot be read"), "{nowhere:?}");
    }
}
