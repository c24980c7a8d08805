//! The client against servers that mean ill.
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::Request;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};

use super::{Bounds, Fault, Outbound, Resolve};

/// A server that says `answer` to whatever it is told, and tells what that was.
async fn server(answer: Vec<u8>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 10_000];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(&answer).await;
            // An answer without an end stays open.
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
        }
    });
    (address, heard)
}

/// Names that lead where the test wants.
struct Names(Vec<SocketAddr>, AtomicUsize);

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        async { Ok(self.0.clone()) }.boxed()
    }
}

fn names(addresses: &[&str]) -> Arc<Names> {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(Names(addresses, AtomicUsize::new(0)))
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

fn home() -> Outbound {
    Outbound::new(&["127.0.0.0/8".parse().unwrap()]).unwrap()
}

#[tokio::test]
async fn asks_and_reads() {
    let (address, mut heard) = server(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok".to_vec()).await;
    let request = Request::post(format!("http://{address}/a?b=c")).header("x", "y").body("body".into()).unwrap();
    let answer = home().send(request, Bounds::default()).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (201, &b"ok"[..]));
    let told = heard.recv().await.unwrap();
    assert!(told.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{told}");
    assert!(told.contains(&format!("host: {address}\r\n")) && told.ends_with("\r\n\r\nbody"), "{told}");
}

/// CVE-2026-35409, Directus: `[::ffff:127.0.0.1]` in the URL of a webhook reached the machine itself.
#[tokio::test]
async fn directus_cve_2026_35409_mapped_loopback_is_refused_after_resolution() {
    let (address, mut heard) = server(Vec::new()).await;
    let port = address.port();
    let client = Outbound::new(&[]).unwrap();
    for host in [
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[::1]",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "0.0.0.0",
    ] {
        for scheme in ["http", "https"] {
            let answer = client.send(get(&format!("{scheme}://{host}:{port}/")), Bounds::default()).await;
            // Whether a spelling of a number is a name that leads nowhere depends on the system.
            assert!(matches!(answer, Err(Fault::Refused | Fault::Unresolved(_))), "{scheme} {host} {answer:?}");
        }
    }
    // And by a name, which is judged by where it leads.
    for mapped in ["[::ffff:127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1"] {
        let client = Outbound::with_resolver(&[], names(&["1.1.1.1:443", &format!("{mapped}:{port}")])).unwrap();
        let answer = client.send(get("https://innocent.example/"), Bounds::default()).await;
        assert!(matches!(answer, Err(Fault::Refused)), "{mapped} {answer:?}");
    }
    assert!(heard.try_recv().is_err(), "it was called");
}

/// A name that leads elsewhere the second time it is asked for (DNS rebinding) is not asked for twice.
#[tokio::test]
async fn a_name_is_resolved_once_and_its_address_called() {
    let (address, mut heard) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let names = names(&[&address.to_string()]);
    let client = Outbound::with_resolver(&["127.0.0.0/8".parse().unwrap()], names.clone()).unwrap();
    client.send(get("http://named.example/"), Bounds::default()).await.unwrap();
    assert_eq!(names.1.load(Ordering::SeqCst), 1);
    assert!(heard.recv().await.unwrap().contains("host: named.example\r\n"));
}

#[tokio::test]
async fn http_without_tls_is_for_allowed_networks() {
    let client = Outbound::with_resolver(&[], names(&["1.1.1.1:80"])).unwrap();
    let answer = client.send(get("http://public.example/"), Bounds::default()).await;
    assert!(matches!(answer, Err(Fault::Plain)), "{answer:?}");
}

#[tokio::test]
async fn redirects_are_answers() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let (address, _heard) = server(redirect.into()).await;
    let answer = home().send(get(&format!("http://{address}/")), Bounds::default()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
}

#[tokio::test]
async fn answers_are_bounded() {
    let size = 1000;
    let bounds = Bounds { size, ..Bounds::default() };
    for (length, is_fine) in [(size, true), (size + 1, false)] {
        for head in ["content-length: LENGTH\r\n", ""] {
            let head = head.replace("LENGTH", &length.to_string());
            let mut answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n").into_bytes();
            answer.extend(vec![b'x'; length]);
            let (address, _heard) = server(answer).await;
            let read = home().send(get(&format!("http://{address}/")), bounds).await;
            assert_eq!(read.is_ok(), is_fine, "{length} {head} {read:?}");
            assert!(is_fine || matches!(read, Err(Fault::TooLarge)), "{read:?}");
        }
    }
}

#[tokio::test]
async fn time_is_bounded() {
    let (address, _heard) = server(Vec::new()).await;
    let bounds = Bounds { time: Duration::from_millis(50), ..Bounds::default() };
    let answer = home().send(get(&format!("http://{address}/")), bounds).await;
    assert!(matches!(answer, Err(Fault::TimedOut)), "{answer:?}");
}

#[tokio::test]
async fn what_is_not_there_says_so_without_saying_more() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let answer = home().send(get(&format!("http://{free}/secret")), Bounds::default()).await.unwrap_err();
    assert!(matches!(answer, Fault::Unreachable(_)), "{answer:?}");
    assert!(!answer.to_string().contains("secret"));
    let (address, _heard) = server(b"SSH-2.0-x\r\n".to_vec()).await;
    let answer = home().send(get(&format!("http://{address}/")), Bounds::default()).await;
    assert!(matches!(answer, Err(Fault::Broken(_))), "{answer:?}");
}
