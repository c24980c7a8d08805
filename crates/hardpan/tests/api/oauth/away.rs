//! A provider that is away: one asks it, once in half a minute, and what it said before still holds.
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;

use crate::support::{TestApp, all, on_both_apps};

const PATH: &str = "/auth/v1/oauth/shaky";

/// A provider that publishes itself, or is out of order.
#[derive(Clone)]
struct Shaky {
    url: String,
    is_up: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// What it publishes as its keys.
    keys: Arc<Mutex<String>>,
}

/// A document of keys, without one.
const KEYS: &str = r#"{"keys": []}"#;

impl Shaky {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(KEYS.to_owned()));
        let shaky = Self { url, is_up: Arc::default(), asked: Arc::default(), keys };
        let serving = shaky.clone();
        // It ends with the tests.
        std::thread::spawn(move || listener.incoming().for_each(|stream| serving.answer(stream.unwrap())));
        shaky
    }

    fn answer(&self, mut stream: TcpStream) {
        let head: Vec<String> = {
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            lines.take_while(|line| !line.is_empty()).collect()
        };
        let is_keys = head[0].contains("/keys");
        self.asked.fetch_add(usize::from(!is_keys), SeqCst);
        let (url, status) = (&self.url, if self.is_up.load(SeqCst) { "200 OK" } else { "503 Service Unavailable" });
        let body = if is_keys {
            self.keys.lock().unwrap().clone()
        } else {
            json!({"issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
                   "jwks_uri": format!("{url}/keys")})
            .to_string()
        };
        let length = body.len();
        let head = "content-type: application/json\r\nconnection: close";
        write!(stream, "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    }

    fn is_up(&self, is_up: bool) {
        self.is_up.store(is_up, SeqCst);
    }

    fn publish(&self, keys: &str) {
        keys.clone_into(&mut self.keys.lock().unwrap());
    }

    /// How often it was asked since this was last called.
    fn asked(&self) -> usize {
        self.asked.swap(0, SeqCst)
    }
}

/// Runs `body` against an application that knows the provider.
async fn with(shaky: &Shaky, body: impl AsyncFn(TestApp)) {
    let file = format!("[oauth.shaky]\nissuer = \"{}\"\nclient_id = \"x\"\n", shaky.url);
    on_both_apps(&file, &[("HARDPAN_OUTBOUND__ALLOW", "127.0.0.0/8")], body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none_are_no_answer() {
    let shaky = Shaky::start();
    with(&shaky, async |app| {
        shaky.is_up(true);
        for none in ["[]", "[[]]", "{}", r#"{"keys": 1}"#, r#""x""#, "1", "true", "null"] {
            shaky.publish(none);
            for _ in 0..2 {
                app.get(PATH).may_fail().send().await.expect_problem(503, "unavailable");
            }
            assert_eq!(shaky.asked(), 1, "{none}");
            app.advance(Duration::from_secs(30));
        }
        shaky.publish(KEYS);
        app.get(PATH).send().await.expect(302);
        shaky.publish("[]");
        app.advance(Duration::from_hours(1));
        for _ in 0..2 {
            app.get(PATH).send().await.expect(302);
        }
        assert_eq!(shaky.asked(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_asked_once_in_half_a_minute() {
    let shaky = Shaky::start();
    with(&shaky, async |app| {
        shaky.is_up(false);
        for answer in all(vec![app.get(PATH).may_fail(); 12]).await {
            answer.expect_problem(503, "unavailable");
        }
        shaky.is_up(true);
        app.get(PATH).may_fail().send().await.expect_problem(503, "unavailable");
        assert_eq!(shaky.asked(), 1);
        app.advance(Duration::from_secs(30));
        for answer in all(vec![app.get(PATH); 12]).await {
            answer.expect(302);
        }
        assert_eq!(shaky.asked(), 1);
        // What it said is old, and better than nothing.
        shaky.is_up(false);
        app.advance(Duration::from_hours(1));
        for _ in 0..3 {
            app.get(PATH).send().await.expect(302);
        }
        assert_eq!(shaky.asked(), 1);
        app.advance(Duration::from_secs(30));
        app.get(PATH).send().await.expect(302);
        assert_eq!(shaky.asked(), 1);
    })
    .await;
}
