//! A reverse proxy that its clients cannot open.
//!
//! ```sh
//! cargo run -p reverse-proxy -- --to 127.0.0.1:8080
//! ```

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use reverse_proxy::{Route, Settings, proxy};
use tokio::net::TcpListener;
use tower::BoxError;
use tower_circuit_breaker::{CircuitEvent, CircuitRegistry};

/// A reverse proxy with a circuit for each upstream host, which no client can open.
///
/// It speaks HTTP/1 and HTTP/2 with clients, and one of them with upstreams.
#[derive(Debug, Parser)]
#[command(name = "reverse-proxy")]
struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,

    /// An upstream: HOST=ADDRESS for calls to this host, ADDRESS for all others
    #[arg(long, value_name = "[HOST=]ADDRESS", required = true)]
    to: Vec<Route>,

    /// How long a circuit stays open, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    open_for: u64,

    /// How long an upstream may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    patience: u64,

    /// Upstreams speak HTTP/2, without TLS
    #[arg(long)]
    http2: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reverse-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), BoxError> {
    let mut settings = Settings::default();
    settings.open_for = Duration::from_secs(args.open_for);
    settings.patience = Duration::from_secs(args.patience);
    settings.http2 = args.http2;
    let registry = CircuitRegistry::new();
    registry.on_event(|event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { circuit, from, to, reason, .. } = event {
            println!("{circuit}: {from} -> {to} ({reason})");
        }
    });
    let app = proxy(args.to.into_iter().collect(), &settings, &registry);
    let listener = TcpListener::bind(args.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let ended = async {
        // If ctrl-c cannot be heard, the process ends as it is told otherwise.
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(ended).await?;
    Ok(())
}
