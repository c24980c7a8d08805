//! The asynchronous runtime and the signals that end it.
use kernel::{Error, Result};
use tokio::runtime::{Builder, Runtime};

/// For serving: a worker for each core.
pub fn multi_threaded() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().map_err(Error::internal)
}

/// For commands that do one thing and end.
pub fn single_threaded() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().map_err(Error::internal)
}

/// Waits for Ctrl-C, or for the signal by which service managers end a process.
pub async fn told_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the operating system ends the process itself.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
