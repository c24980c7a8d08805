//! `hardpan serve`: serves the app until it is told to stop.
use std::{path::PathBuf, process::ExitCode, sync::Arc};

use kernel::{OsRandom, SystemClock};
use tokio::net::TcpListener;

use super::{Failure, Outcome, output, welcome};
use crate::{
    assemble::{self, Server},
    config::{Config, Loaded, Profile},
    logs::Logs,
    runtime,
};

/// Serves the app: in development at once, in staging and production only if everything is in order
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan serve notes --listen 127.0.0.1:8081")]
pub struct Args {
    /// The app's folder, the one with hardpan.toml [default: the current one]
    pub dir: Option<PathBuf>,
    /// Where to listen, in place of server.listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

impl Args {
    /// What the arguments change in the configuration.
    pub fn flags(&self) -> Vec<(String, String)> {
        self.listen.iter().map(|listen| ("server.listen".to_owned(), listen.clone())).collect()
    }
}

pub fn run(loaded: Loaded) -> Outcome {
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, report) = loaded.ready(findings).map_err(Failure::Refused)?;
    if !report.findings().is_empty() {
        output::note(&report.to_text());
    }
    let _logs = Logs::start(&config.log)?;
    runtime::multi_threaded()?.block_on(async {
        let listener = bind(&config).await?;
        let foundation = assemble::open(config, declaration, Arc::new(SystemClock), Arc::new(OsRandom)).await?;
        foundation.prepare().await?;
        let server = foundation.build().await?;
        greet(&server).await?;
        serve(server, listener).await;
        Ok(ExitCode::SUCCESS)
    })
}

async fn bind(config: &Config) -> Result<TcpListener, Failure> {
    let address = config.server.listen;
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Failed(format!("cannot listen on {address}: {error}; choose another with --listen")))
}

async fn greet(server: &Server) -> Result<(), Failure> {
    if server.config.profile == Profile::Development {
        output::text(&welcome::text(server).await?);
    }
    let listen = server.config.server.listen;
    tracing::info!(%listen, profile = server.config.profile.as_str(), app = server.config.app.name, "serving");
    Ok(())
}

async fn serve(server: Server, listener: TcpListener) {
    let options = web::server::Options {
        connections: server.config.server.max_connections,
        drain: server.config.server.drain_timeout,
        ..web::server::Options::default()
    };
    let health = server.health.clone();
    let stop = async move {
        runtime::told_to_stop().await;
        tracing::info!("draining");
        health.drain();
    };
    let delivering = server.outbox.start(&server.source);
    let drained = tokio::select! {
        drained = web::serve(listener, server.app.clone(), stop, options) => drained,
        () = server.keep_house() => return,
    };
    delivering.stop(server.config.server.drain_timeout).await;
    server.source.db.close().await;
    tracing::info!(finished = drained.finished, cut = drained.cut, "stopped");
}
