//! Over a real connection: what HTTP itself refuses, and bodies that come in pieces.
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use tokio::{net::TcpListener, sync::oneshot};

use crate::support::on_both;

/// Sends `request` as it is and gives back whatever comes until the server closes or falls silent. One that breaks off is
/// followed by the end of the stream.
fn spoken(address: SocketAddr, request: &[u8], breaks_off: bool) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request);
    if breaks_off {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends each request over a connection of its own, and checks the first line of each answer.
async fn expect(requests: Vec<(&'static str, Vec<u8>, &'static [u16])>) {
    on_both(async |app| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(web::serve(
            listener,
            app.server.app.clone(),
            async {
                let _ = stopped.await;
            },
            web::server::Options { drain: Duration::from_secs(1), ..web::server::Options::default() },
        ));
        for (what, request, statuses) in &requests {
            let (request, breaks_off) = (request.clone(), what.contains("breaks off"));
            let answer = tokio::task::spawn_blocking(move || spoken(address, &request, breaks_off)).await.unwrap();
            let status: u16 = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
            assert!(statuses.contains(&status), "{what}: {answer}");
            let lower = answer.to_ascii_lowercase();
            for word in ["hyper", "tokio", "panicked", ".rs", "sqlite", "postgres", "server:"] {
                assert!(!lower.contains(word), "{what}: {answer}");
            }
        }
        // And it still serves.
        let answer =
            tokio::task::spawn_blocking(move || spoken(address, &head("GET /livez", ""), false)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        drop(stop);
        served.await.unwrap();
    })
    .await;
}

fn head(line: &str, fields: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_no_http_are_refused() {
    expect(vec![
        ("noise", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec(), &[400, 0]),
        ("no version", b"GET /\r\n\r\n".to_vec(), &[400]),
        ("a space in the path", head("GET /a b", ""), &[400]),
        ("a raw byte in the path", b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), &[400, 404]),
        ("a header without a colon", head("GET /livez", "nonsense\r\n"), &[400]),
        ("NUL in a header", head("GET /livez", "x: a\0b\r\n"), &[400]),
        ("a folded header", head("GET /livez", "x: a\r\n b\r\n"), &[400]),
        ("two lengths", head("POST /auth/v1/login", "Content-Length: 1\r\nContent-Length: 2\r\n"), &[400]),
        ("a length that is none", head("POST /auth/v1/login", "Content-Length: -1\r\n"), &[400]),
        (
            "length and chunks",
            [head("POST /auth/v1/login", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), b"0\r\n\r\n".to_vec()]
                .concat(),
            &[400, 415],
        ),
        ("an unknown coding", head("POST /auth/v1/login", "Transfer-Encoding: gzip\r\n"), &[400, 501]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_past_the_bound_are_refused() {
    let long = "x".repeat(100 * 1024);
    let many = "a: b\r\n".repeat(1_000);
    expect(vec![
        ("a query of 100 KB", head(&format!("GET /livez?{long}"), ""), &[400, 414, 431]),
        ("a path of 100 KB", head(&format!("GET /{long}"), ""), &[400, 414, 431]),
        ("a header of 100 KB", head("GET /livez", &format!("x: {long}\r\n")), &[400, 431]),
        ("a thousand headers", head("GET /livez", &many), &[400, 431]),
        ("a query of 9 KB", head(&format!("GET /livez?{}", &long[..9 * 1024]), ""), &[400]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_pieces_are_bounded_too() {
    let chunked = |content_type: &str, body: &[u8], piece: usize| {
        let fields = format!("Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n");
        let mut request = head("POST /auth/v1/login", &fields);
        for piece in body.chunks(piece) {
            request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            request.extend_from_slice(piece);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        request
    };
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(10_000_000)).into_bytes();
    let told = [
        head("POST /auth/v1/login", &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", long.len())),
        long.clone(),
    ];
    expect(vec![
        ("10 MB in pieces", chunked("application/json", &long, 65_536), &[413]),
        ("10 MB in one", told.concat(), &[413]),
        ("in pieces of a byte", chunked("application/json", b"{\"password\": 1}", 1), &[422]),
        ("no pieces at all", chunked("application/json", b"", 1), &[400]),
        ("text in pieces", chunked("text/plain", b"hello", 2), &[415]),
        (
            "a body that breaks off",
            head("POST /auth/v1/login", "Content-Type: application/json\r\nContent-Length: 50\r\n"),
            &[400, 0],
        ),
        (
            "a body in pieces that breaks off",
            head("POST /auth/v1/login", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"),
            &[400, 0],
        ),
        ("a body for a probe", [head("GET /livez", "Content-Length: 2\r\n"), b"{}".to_vec()].concat(), &[400]),
    ])
    .await;
}
