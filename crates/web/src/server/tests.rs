//! Tests over real sockets: bounds in time and size, both protocols, draining.
use http::Method;
use kernel::schema::{Field, Kind, Schema};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use super::*;
use crate::{Access, Reply, Route, pipeline::tests::Test};

/// Lets a test hold a request while it is being answered.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<Notify>,
    opened: Arc<Notify>,
}

struct Server {
    address: SocketAddr,
    gate: Gate,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Drained>,
    _test: Test,
}

impl Server {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let gate = Gate::default();
        let schema = Schema::new(vec![Field::required("a", Kind::text(5))]);
        let routes = vec![
            Route::new(Method::GET, "/ok", "ok", &(), |(), _| async {
                Ok(Reply::bytes(http::StatusCode::OK, "text/plain", "fine"))
            })
            .access(Access::Public),
            Route::new(Method::GET, "/gate", "gate", &gate, |gate, _| async move {
                gate.entered.notify_one();
                gate.opened.notified().await;
                Ok(Reply::no_content())
            })
            .access(Access::Public),
            Route::new(Method::POST, "/body", "body", &(), |(), _| async { Ok(Reply::no_content()) })
                .access(Access::Public)
                .body(schema),
        ];
        let test = Test::with(routes, |_| ()).await;
        let mut options = Options::default();
        change(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, test.app.clone(), shutdown, options));
        Self { address, gate, stop, task, _test: test }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back for `request`, until the server closes the connection.
    async fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset has given what it had.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Server::start(|_| ()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let head = head(&mut stream).await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-length: 4") && !head.contains("\r\nserver:"), "{head}");
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"fine");
    }
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_begin_with_it() {
    let server = Server::start(|_| ()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame (RFC 9113, 6.5)");
}

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let server = Server::start(|options| options.header_timeout = Duration::from_millis(20)).await;
    for silent in ["", "GET /ok HT", "PRI * HTTP/2", "GET /ok HTTP/1.1\r\nhost: loc"] {
        assert_eq!(server.exchange(silent).await, "", "{silent}");
    }
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start(|options| options.idle_timeout = Duration::from_millis(20)).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("fine"));
}

#[tokio::test]
async fn a_head_is_bounded() {
    let server = Server::start(|_| ()).await;
    let long = format!("GET /ok HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(20_000));
    assert!(server.exchange(&long).await.starts_with("HTTP/1.1 431"));
    assert!(server.exchange("nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn a_refused_upload_is_told_so() {
    let server = Server::start(|_| ()).await;
    let large = "a".repeat(3 * 1024 * 1024);
    let head = "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let announced = format!("{head}content-length: {}\r\n\r\n{large}", large.len());
    assert!(server.exchange(&announced).await.starts_with("HTTP/1.1 413"));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert!(server.exchange(&chunked).await.starts_with("HTTP/1.1 413"));
    let waiting = format!("{head}expect: 100-continue\r\ncontent-length: 3000000\r\n\r\n");
    assert!(server.exchange(&waiting).await.starts_with("HTTP/1.1 413"), "without asking for the body first");
}

#[tokio::test]
async fn connections_are_bounded() {
    let server = Server::start(|options| options.connections = 1).await;
    let first = server.connect().await;
    let mut second = server.connect().await;
    second.write_all(b"GET /ok HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(30), second.peek(&mut [0])).await.is_err());
    drop(first);
    assert!(rest(&mut second).await.ends_with("fine"));
}

#[tokio::test]
async fn what_is_being_answered_ends_well() {
    let server = Server::start(|_| ()).await;
    let (mut busy, idle) = (server.connect().await, server.connect().await);
    busy.write_all(b"GET /gate HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    server.gate.entered.notified().await;
    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.gate.opened.notify_one();
    let answer = rest(&mut busy).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 204") && answer.contains("connection: close"), "{answer}");
    assert_eq!(server.task.await.unwrap().cut, 0);
    drop(idle);
}

#[tokio::test]
async fn what_takes_too_long_is_cut() {
    let server = Server::start(|options| options.drain = Duration::from_millis(20)).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /gate HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    server.gate.entered.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.task.await.unwrap(), Drained { finished: 0, cut: 1 });
    assert_eq!(rest(&mut busy).await, "");
}
