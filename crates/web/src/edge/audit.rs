//! The request log: one line a request. Lines, not rows: strangers must not be able to fill a database.
use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Instant};

use http::{Method, StatusCode, Uri};
use kernel::{ApiKeyId, UserId};
use store::RequestInfo;

/// What the log says of requests whose caller went away before the answer (nginx's 499).
const GONE: u16 = 499;
const PATH_MAX: usize = 200;

/// One request's line, written when it is answered, or dropped unanswered.
pub struct Line {
    pub request: Arc<RequestInfo>,
    pub method: Method,
    pub uri: Uri,
    /// The template of the route: raw paths hold ids, and sometimes secrets.
    pub route: Option<Arc<str>>,
    pub user: Option<UserId>,
    pub api_key: Option<ApiKeyId>,
    started: Instant,
    is_written: bool,
}

impl Line {
    pub fn new(request: Arc<RequestInfo>, method: Method, uri: Uri) -> Self {
        Self {
            request,
            method,
            uri,
            route: None,
            user: None,
            api_key: None,
            started: Instant::now(),
            is_written: false,
        }
    }

    /// Writes the line; `bytes` is the length of the answer's body.
    pub fn write(mut self, status: StatusCode, bytes: usize) {
        self.is_written = true;
        self.emit(status.as_u16(), bytes);
    }

    fn emit(&self, status: u16, bytes: usize) {
        if !tracing::enabled!(target: "request", tracing::Level::INFO) {
            return;
        }
        let unknown = if self.route.is_none() { escaped(self.uri.path()) } else { String::new() };
        tracing::info!(
            target: "request",
            request_id = self.request.id,
            method = self.method.as_str(),
            route = self.route.as_deref().unwrap_or("-"),
            path = (!unknown.is_empty()).then_some(&*unknown),
            status,
            duration_ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            address = self.request.address.as_ref().map(tracing::field::display::<&IpAddr>),
            user = self.user.map(tracing::field::display),
            api_key = self.api_key.map(tracing::field::display),
            bytes,
        );
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_written {
            self.emit(GONE, 0);
        }
    }
}

/// A path nobody declared, cut and made printable.
fn escaped(path: &str) -> String {
    path.chars().take(PATH_MAX).flat_map(char::escape_default).collect()
}

/// `text` without line breaks and other control characters, so that nobody writes lines of their own.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    Cow::Owned(line)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        io::{self, Write},
        sync::{Mutex, PoisonError},
    };

    use super::*;

    /// Collects what is logged while `body` runs on this thread.
    pub(crate) fn logged(body: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, body);
        String::from_utf8(lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(path: &'static str) -> Line {
        let info = RequestInfo { id: "r1".into(), address: Some([10, 0, 0, 1].into()), user_agent: None, device: None };
        Line::new(Arc::new(info), Method::GET, Uri::from_static(path))
    }

    #[test]
    fn a_route_is_logged_by_its_template() {
        let text = logged(|| {
            let mut line = line("/api/v1/documents/doc_1?token=secret");
            line.route = Some("/api/v1/documents/{id}".into());
            line.write(StatusCode::OK, 12);
        });
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let fields = &found["fields"];
        assert_eq!(fields["route"], "/api/v1/documents/{id}");
        assert_eq!(fields["request_id"], "r1");
        assert_eq!(fields["status"], 200);
        assert_eq!(fields["bytes"], 12);
        assert_eq!(fields["address"], "10.0.0.1");
        assert!(!text.contains("doc_1") && !text.contains("secret"));
    }

    #[test]
    fn nobody_writes_lines_of_their_own() {
        let text = logged(|| line("/no%0d%0asuch").write(StatusCode::NOT_FOUND, 0));
        assert_eq!(text.lines().count(), 1);
        assert_eq!(escaped("/a\r\nb\u{1b}[31m"), "/a\\r\\nb\\u{1b}[31m");
        assert_eq!(one_line("a\r\nb"), "a\\r\\nb");
        assert_eq!(one_line("plain é"), "plain é");
    }

    #[test]
    fn a_caller_who_went_away_leaves_a_line() {
        assert!(logged(|| drop(line("/"))).contains("\"status\":499"));
    }
}
