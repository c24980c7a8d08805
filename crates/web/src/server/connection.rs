//! One connection: its protocol, its bounds, and a watch on whether anything still moves.
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::Options;
use crate::App;

/// The bound on a request's head, and with it the size of the buffers.
const HEAD_MAX: u32 = 16 * 1024;
const STREAMS_MAX: u32 = 128;
/// How long a connection stays open for a request that is on its way when the server is told to stop. hyper closes an idle
/// HTTP/1.1 connection at once, and with it what the client has sent and nobody has read yet.
const LAST_CALL: Duration = Duration::from_millis(200);

/// How connections are spoken to.
pub(super) struct Protocols {
    builder: auto::Builder<TokioExecutor>,
    options: Options,
}

impl Protocols {
    pub(super) fn new(options: Options) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // hyper counts waiting for the next request of a kept connection as reading its head.
        let head_timeout = options.header_timeout.max(options.idle_timeout);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(usize::try_from(HEAD_MAX).unwrap_or(usize::MAX));
        builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_MAX).max_concurrent_streams(STREAMS_MAX);
        Self { builder, options }
    }

    /// Serves one connection until it ends, nothing moves any more, or `stopping` says so and what is being answered is done.
    pub(super) async fn serve(&self, stream: TcpStream, peer: SocketAddr, app: App, mut stopping: watch::Receiver<()>) {
        let activity = Arc::new(Activity::new());
        let seen = Arc::clone(&activity);
        let service = service_fn(move |request: Request<Incoming>| {
            let (app, answering) = (app.clone(), Answering::new(Arc::clone(&seen)));
            let seen = Arc::clone(&seen);
            async move {
                let is_http1 = request.version() < http::Version::HTTP_2;
                let mut response = app.call(request.map(Body::new), peer).await;
                if is_http1 && seen.is_stopping.load(Ordering::Relaxed) {
                    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
                }
                drop(answering);
                Ok::<_, Infallible>(response)
            }
        });
        let io = TokioIo::new(Watched { stream, activity: Arc::clone(&activity) });
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut last_call = None;
        let mut is_told = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, error, "a connection ended badly");
                    }
                    return;
                }
                // Ends when the sender is gone.
                _ = stopping.changed(), if last_call.is_none() => {
                    activity.is_stopping.store(true, Ordering::Relaxed);
                    last_call = Some(Instant::now() + LAST_CALL);
                }
                () = sleep_until(last_call.unwrap_or_else(Instant::now)), if last_call.is_some() && !is_told => {
                    is_told = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(activity.deadline(self.options)) => if activity.is_dead(self.options) {
                    return;
                },
            }
        }
    }
}

/// What happens on a connection. hyper bounds neither the wait for a protocol's first bytes, nor a reader that does not read,
/// nor an idle HTTP/2 connection; this bounds all three.
struct Activity {
    opened: Instant,
    /// When a byte last moved, in milliseconds since then.
    moved: AtomicU64,
    has_asked: AtomicBool,
    is_stopping: AtomicBool,
    answering: AtomicUsize,
}

impl Activity {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            moved: AtomicU64::new(0),
            has_asked: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            answering: AtomicUsize::new(0),
        }
    }

    fn moved(&self) {
        let elapsed = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    /// When to look again.
    fn deadline(&self, options: Options) -> Instant {
        if !self.has_asked.load(Ordering::Relaxed) {
            return self.opened + options.header_timeout.min(options.idle_timeout);
        }
        if self.answering.load(Ordering::Relaxed) > 0 {
            return Instant::now() + options.idle_timeout;
        }
        self.opened + Duration::from_millis(self.moved.load(Ordering::Relaxed)) + options.idle_timeout
    }

    fn is_dead(&self, options: Options) -> bool {
        self.answering.load(Ordering::Relaxed) == 0 && self.deadline(options) <= Instant::now()
    }
}

/// A request being answered.
struct Answering(Arc<Activity>);

impl Answering {
    fn new(activity: Arc<Activity>) -> Self {
        activity.has_asked.store(true, Ordering::Relaxed);
        activity.answering.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // The answer is still to be written: the wait for the reader begins now.
        self.0.moved();
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that notes when bytes move.
struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Watched {
    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = written {
            self.activity.moved();
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.moved();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
