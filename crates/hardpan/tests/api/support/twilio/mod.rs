//! Twilio's API as far as it is called, by its published description, and the short messages that came to it.
pub mod published;

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{TestApp, on_both_with};

/// An account, as its id is spelt.
pub const ACCOUNT: &str = "AC0123456789abcdef0123456789ABCDEF";

/// Answers as it is told, and keeps what it hears. What Twilio would not understand it refuses, and the test fails.
pub struct Twilio {
    pub url: String,
    answer: Arc<Mutex<String>>,
    heard: Arc<Mutex<Vec<String>>>,
}

/// A short message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    pub to: String,
    pub text: String,
}

impl Sms {
    /// The code, where browsers look for it: in the last line, `@host #code`.
    pub fn code(&self) -> String {
        let (_, line) = self.text.rsplit_once('\n').unwrap();
        line.strip_prefix("@127.0.0.1 #").unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }
}

impl Twilio {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let twilio = Self { url, answer: Arc::default(), heard: Arc::default() };
        twilio.takes();
        let (answer, heard) = (Arc::clone(&twilio.answer), Arc::clone(&twilio.heard));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                let understood = published::is_request(&request);
                heard.lock().unwrap().push(request);
                let answer = match understood {
                    Ok(()) => answer.lock().unwrap().clone(),
                    Err(why) => written("400 Bad Request", "", &published::refusal(400, 20001, &why)),
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        twilio
    }

    /// Takes every message from now on.
    pub fn takes(&self) {
        self.answers("201 Created", "", &published::queued());
    }

    /// Refuses every message from now on.
    pub fn refuses(&self, status: u16, code: u32, message: &str) {
        self.answers(&format!("{status} No"), "", &published::refusal(status, code, message));
    }

    /// What it says from now on, with `headers`, each with the end of its line.
    pub fn answers(&self, status: &str, headers: &str, body: &str) {
        *self.answer.lock().unwrap() = written(status, headers, body);
    }

    /// The requests, whole, in the order they came. Each is one that Twilio understands.
    pub fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap().clone();
        for request in &heard {
            published::is_request(request).unwrap_or_else(|why| panic!("{why}: {request}"));
        }
        heard
    }

    /// What an app must be told to call it.
    pub fn environment(&self) -> [(&str, &str); 5] {
        [
            ("HARDPAN_SMS__URL", self.url.as_str()),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_AUTH_TOKEN", "s3cret"),
            ("TWILIO_FROM", "+15550000000"),
            ("HARDPAN_OUTBOUND__ALLOW", "127.0.0.0/8"),
        ]
    }

    /// Every message there ever was, in the order they came.
    pub fn sent(&self) -> Vec<Sms> {
        self.heard().iter().map(|request| message(request)).collect()
    }

    /// The same once what is due was delivered.
    pub async fn messages(&self, app: &TestApp) -> Vec<Sms> {
        app.letters().await;
        self.sent()
    }

    /// The last one.
    pub async fn last(&self, app: &TestApp) -> Sms {
        self.messages(app).await.pop().unwrap()
    }
}

fn written(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

async fn read(stream: &mut TcpStream) -> String {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "{}", request.escape_ascii());
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, form)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if form.len() == length.parse::<usize>().unwrap() {
            return text.into_owned();
        }
    }
}

fn message(request: &str) -> Sms {
    let (_, form) = request.split_once("\r\n\r\n").unwrap();
    let value = |name: &str| {
        let pair = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        decoded(pair.unwrap_or_else(|| panic!("no {name} in {form}")))
    };
    Sms { to: value("To"), text: value("Body") }
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// Runs `test` on each engine against a server that sends its SMS there.
pub async fn on_both_with_twilio(test: impl AsyncFn(TestApp, &Twilio)) {
    let twilio = Twilio::start().await;
    on_both_with(&twilio.environment(), async |app| {
        twilio.heard.lock().unwrap().clear();
        twilio.takes();
        test(app, &twilio).await;
        // Nothing it heard may be wrong, also where the test does not look.
        twilio.heard();
    })
    .await;
}
