//! The pages that mailed links lead to: what they do is done by a click, with a token that only the browser has seen.
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::Result;
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode, header};

use crate::notices::Page;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");
const NEW_PASSWORD: &str = "<label for=\"password\">New password</label>\
    <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"new-password\" required>\n";

/// What a page says and does.
struct Wording {
    id: &'static str,
    title: &'static str,
    text: &'static str,
    fields: &'static str,
    button: &'static str,
    action: &'static str,
    done: &'static str,
}

pub(super) fn routes() -> Routes {
    Page::ALL.into_iter().map(route).collect()
}

fn route(page: Page) -> Route {
    let (html, policy) = (render(&wording(page)), policy());
    let handler = move |(html, policy): (String, String), _: Call| async move { show(html, &policy) };
    Route::new(Method::GET, page.path(), wording(page).id, &(html, policy), handler)
        .access(Access::Public)
        .summary("pages", "The page that a mailed link leads to")
        .answers(StatusCode::OK, "The page", None)
}

fn show(html: String, policy: &str) -> Result<Reply> {
    Reply::bytes(StatusCode::OK, "text/html; charset=utf-8", html).header(header::CONTENT_SECURITY_POLICY, policy)
}

const fn wording(page: Page) -> Wording {
    match page {
        Page::Verify => Wording {
            id: "verify_page",
            title: "Confirm your email address",
            text: "Please confirm that this address is yours.",
            fields: "",
            button: "Confirm",
            action: "/auth/v1/email/verify",
            done: "Thank you. Your address is confirmed; you can close this page.",
        },
        Page::Reset => Wording {
            id: "reset_page",
            title: "Set a new password",
            text: "All devices are logged out when you set it.",
            fields: NEW_PASSWORD,
            button: "Set password",
            action: "/auth/v1/password/reset",
            done: "Your password is set. You can log in with it now.",
        },
        Page::Undo => Wording {
            id: "undo_page",
            title: "Undo the change of your email address",
            text: "Your account gets its former address back, all devices are logged out, and you get a mail to set a new password.",
            fields: "",
            button: "Undo the change",
            action: "/auth/v1/email/undo",
            done: "Your former address is back. Look into your mail to set a new password.",
        },
        Page::Invitation => Wording {
            id: "invitation_page",
            title: "Create your account",
            text: "Choose a password for your account.",
            fields: NEW_PASSWORD,
            button: "Create account",
            action: "/auth/v1/invitations/accept",
            done: "Your account is ready. You can log in now.",
        },
    }
}

/// Every part is a constant of ours, so nothing needs escaping.
fn render(text: &Wording) -> String {
    include_str!("page.html")
        .replace("{title}", text.title)
        .replace("{text}", text.text)
        .replace("{fields}", text.fields)
        .replace("{button}", text.button)
        .replace("{action}", text.action)
        .replace("{done}", text.done)
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
}

/// This script and this style, requests to us, and nothing else.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_what_the_policy_allows_and_nothing_from_elsewhere() {
        for page in Page::ALL {
            let html = render(&wording(page));
            assert!(
                html.contains(&format!("<script>{SCRIPT}</script>"))
                    && html.contains(&format!("<style>{STYLE}</style>"))
            );
            for foreign in ["http:", "https:", "//", "src=", "onclick", "onsubmit", "style="] {
                assert!(!html.contains(foreign), "{foreign} in {page:?}");
            }
        }
    }
}
