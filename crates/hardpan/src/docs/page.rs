//! The OpenAPI document as one plain page: no script, nothing fetched.
use std::fmt::Write as _;

use serde_json::Value as Json;

/// The page needs its own style and nothing else.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
     h2{margin-top:2.5rem;border-bottom:1px solid #ddd}code,pre{font:14px/1.4 ui-monospace,monospace}\
     pre{background:#f6f6f4;padding:.75rem;overflow:auto}details{margin:.5rem 0}summary{cursor:pointer}\
     .m{display:inline-block;min-width:4.5rem;font-weight:600}";

pub(super) fn render(document: &Json) -> String {
    let title = escape(document["info"]["title"].as_str().unwrap_or("API"));
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1><p>The same as <a href=/openapi.json>/openapi.json</a>, to read.</p>"
    );
    for (tag, operations) in by_tag(document) {
        let _ = write!(page, "<h2>{}</h2>", escape(&tag));
        for (method, path, operation) in operations {
            push_operation(&mut page, &method, &path, operation);
        }
    }
    page
}

type Operation<'a> = (String, String, &'a Json);

/// Tags in the order in which they first appear.
fn by_tag(document: &Json) -> Vec<(String, Vec<Operation<'_>>)> {
    let mut tags: Vec<(String, Vec<Operation<'_>>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other");
            let entry = (method.to_uppercase(), path.clone(), operation);
            match tags.iter_mut().find(|(name, _)| name == tag) {
                Some((_, operations)) => operations.push(entry),
                None => tags.push((tag.to_owned(), vec![entry])),
            }
        }
    }
    tags
}

fn push_operation(page: &mut String, method: &str, path: &str, operation: &Json) {
    let summary = escape(operation["summary"].as_str().unwrap_or_default());
    let _ = write!(
        page,
        "<details><summary><code><span class=m>{method}</span> {}</code> {summary}</summary>",
        escape(path)
    );
    for (name, part) in [("Parameters", &operation["parameters"]), ("Body", &operation["requestBody"])] {
        push_json(page, name, part);
    }
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if status.starts_with('2') {
            push_json(page, status, answer);
        }
    }
    page.push_str("</details>");
}

fn push_json(page: &mut String, name: &str, part: &Json) {
    if !part.is_null() {
        let text = serde_json::to_string_pretty(part).unwrap_or_default();
        let _ = write!(page, "<p>{}</p><pre>{}</pre>", escape(name), escape(&text));
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_from_the_app_file_cannot_become_markup() {
        let document = json!({
            "info": {"title": "<script>alert(1)</script>"},
            "paths": {"/a": {"get": {"tags": ["<b>"], "summary": "\"><i>", "responses": {"200": {"description": "<u>"}}}}},
        });
        let page = render(&document);
        for markup in ["<script", "<b>", "<i>", "<u>"] {
            assert!(!page.contains(markup), "{markup}");
        }
    }
}
