//! A browser's side of a session with cookies.
use super::{Answer, Request};

/// The three cookies of a session, each as `name=value`.
#[derive(Clone, Debug)]
pub struct Browser {
    pub access: String,
    pub refresh: String,
    pub csrf: String,
}

impl Browser {
    /// The cookies that an answer set; `prefix` begins their names.
    #[track_caller]
    pub fn of(answer: &Answer, prefix: &str) -> Self {
        let cookie = |name: &str| {
            let name = format!("{prefix}hardpan_{name}");
            answer.cookie(&name).unwrap_or_else(|| panic!("no cookie {name}: {:?}", answer.headers))
        };
        Self { access: cookie("access"), refresh: cookie("refresh"), csrf: cookie("csrf") }
    }

    /// What a write echoes.
    pub fn token(&self) -> &str {
        self.csrf.split_once('=').unwrap().1
    }

    /// Sends the cookies along and nothing else.
    pub fn with_cookies(&self, request: Request) -> Request {
        request.header("cookie", &format!("{}; {}; {}", self.access, self.refresh, self.csrf))
    }

    /// The cookies and the echoed token: what the pages of our own send.
    pub fn sent(&self, request: Request) -> Request {
        self.with_cookies(request).header("x-csrf-token", self.token())
    }
}
