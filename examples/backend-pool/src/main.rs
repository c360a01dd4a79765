//! A service in front of five backends, each behind a circuit of one pool.
//!
//! `pool.rs` makes the circuits. `link.rs` puts one around a connection to a server, `cache.rs` and
//! `users.rs` say what is served while that is away, and `web.rs` is the stack around HTTP.

mod cache;
mod failed;
mod fakes;
mod link;
mod operate;
mod pool;
mod routes;
mod settings;
mod users;
mod web;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser;
use desk::{ControlArgs, Desk, asked_to_end};
use tokio::net::TcpListener;

use crate::routes::App;

/// A service in front of five backends, each behind a circuit of one pool.
#[derive(Debug, Parser)]
#[command(name = "backend-pool", after_help = include_str!("help.txt"))]
struct Args {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    port: u16,

    #[command(flatten)]
    control: ControlArgs,
}

/// What went wrong, in words.
type Wrong = tower::BoxError;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            // Whoever has closed the pipe does not want to hear it.
            let _ = writeln!(io::stderr(), "backend-pool: {line}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Wrong> {
    // Before anybody can connect: who has read the page may end this.
    let asked_to_end = asked_to_end()?;
    let desk = Desk::read(args.control)?;
    let pool = pool::circuits()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}; see --port"))?;
    let fakes = fakes::start().await?;
    let app = App::new(&pool, &fakes)?;

    let address = listener.local_addr()?;
    say(&format!("backend-pool on http://{address}"));
    say(&desk.told(&format!("http://{address}/circuits/")));
    say(&format!("fake backends on {fakes}"));
    let admin = desk.admin("backend-pool", pool).build();
    let router = routes::router(app).merge(operate::routes(&admin));
    let server = router.into_make_service_with_connect_info::<SocketAddr>();
    let ended = async move {
        asked_to_end.await;
        admin.end_streams();
    };
    Ok(axum::serve(listener, server).with_graceful_shutdown(ended).await?)
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
