//! The server: accepts connections up to a bound, speaks HTTP/1.1 and HTTP/2, and drains when told to stop.
mod connection;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, sleep_until},
};

use self::connection::Protocols;
use crate::App;

/// Bounds of a server.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Connections at once; more wait in the operating system's queue.
    pub connections: usize,
    /// How long a new connection may take to send its first request's head.
    pub header_timeout: Duration,
    /// How long a connection may be kept without a byte moving and without a request being answered.
    pub idle_timeout: Duration,
    /// How long requests that are being answered may take to end once the server stops.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            drain: Duration::from_secs(10),
        }
    }
}

/// What became of the connections that were open when the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    pub finished: usize,
    /// Still busy when the time was up.
    pub cut: usize,
}

/// Serves `app` until `shutdown` is done, then stops accepting and lets what is being answered end.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()>, options: Options) -> Drained {
    let protocols = Arc::new(Protocols::new(options));
    let permits = Arc::new(Semaphore::new(options.connections));
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (stream, peer, permit) = accept(&listener, &permits) => {
                let (protocols, app, stopping) = (Arc::clone(&protocols), app.clone(), stopping.clone());
                connections.spawn(async move {
                    protocols.serve(stream, peer, app, stopping).await;
                    drop(permit);
                });
            }
        }
    }
    for (stream, peer) in accept_rest(listener) {
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { break };
        let (protocols, app, stopping) = (Arc::clone(&protocols), app.clone(), stopping.clone());
        connections.spawn(async move {
            protocols.serve(stream, peer, app, stopping).await;
            drop(permit);
        });
    }
    drop(stop);
    drained(connections, options.drain).await
}

/// Those in the operating system's queue: they have been told that their connection stands. Then the queue is closed.
fn accept_rest(listener: TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    let listener = listener.into_std();
    std::iter::from_fn(move || {
        let (stream, peer) = listener.as_ref().ok()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    })
}

/// The next connection, once there is room for it.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        // Never closed, so there always is a permit to come.
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else { std::future::pending().await };
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting to fill a packet only delays them. Without it they still arrive.
                let _ = stream.set_nodelay(true);
                return (stream, peer, permit);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors, most likely: others must close first.
                tracing::warn!(%error, "connections cannot be accepted");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn drained(mut connections: JoinSet<()>, time: Duration) -> Drained {
    while connections.try_join_next().is_some() {}
    let open = connections.len();
    let deadline = tokio::time::Instant::now() + time;
    loop {
        tokio::select! {
            ended = connections.join_next() => if ended.is_none() {
                return Drained { finished: open, cut: 0 };
            },
            () = sleep_until(deadline) => {
                let cut = connections.len();
                connections.shutdown().await;
                return Drained { finished: open - cut, cut };
            }
        }
    }
}

#[cfg(test)]
mod tests;
