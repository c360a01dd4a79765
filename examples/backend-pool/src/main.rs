//! A service in front of five backends, each behind a circuit of one pool.
//!
//! `pool.rs` makes the circuits. `link.rs` puts one around a connection to a server, `cache.rs` and
//! `users.rs` say what is served while that is away, `web.rs` is the stack around HTTP, and
//! `external.rs` a function with a circuit around it.

mod cache;
mod external;
mod failed;
mod fakes;
mod link;
mod log;
mod operate;
mod pool;
mod routes;
mod settings;
mod shared;
mod users;
mod web;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser;
use desk::{ControlArgs, Desk, asked_to_end, probes, start_log};
use tokio::net::TcpListener;

use crate::pool::Pool;

/// A service in front of five backends, each behind a circuit of one pool.
#[derive(Debug, Parser)]
#[command(name = "backend-pool", after_help = AFTER_HELP)]
struct Args {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    port: u16,

    /// Redis by which processes share circuits; without a URL that of `CIRCUIT_BREAKER_REDIS_URL`, else
    /// of `REDIS_URL`
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    redis: Option<String>,

    /// PostgreSQL by which processes share circuits, in the place of Redis; without a URL that of
    /// `DATABASE_URL`
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    #[arg(conflicts_with = "redis")]
    postgres: Option<String>,

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
    start_log()?;
    let desk = Desk::read(args.control)?;
    let agents = settings::agents()?;
    let pool = Pool::open(&agents)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}; see --port"))?;
    let fakes = fakes::start().await?;
    let router = routes::router(&pool, &agents, &fakes)?;
    // As long as this runs.
    let _link = match settings::shared(args.redis, args.postgres)? {
        Some(place) => Some(shared::share(&place, &pool.registry).await?),
        None => None,
    };

    let address = listener.local_addr()?;
    say(&format!("backend-pool on http://{address}"));
    say(&desk.told(&format!("http://{address}/circuits/")));
    say(&format!("fake backends on {fakes}"));
    let Pool { registry, agents } = pool;
    let admin = desk
        .admin("backend-pool", env!("CARGO_PKG_VERSION"), registry.clone())
        .group(&agents)
        .build();
    let router = router.merge(operate::routes(&admin, &registry)).merge(probes(registry));
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

const AFTER_HELP: &str = "\
Environment, each optional:
  CIRCUIT_FAIL_MAX           failures in a row that open a circuit [5]
  CIRCUIT_RESET_TIMEOUT      how long it stays open [30s]
  CIRCUIT_SUCCESS_THRESHOLD  successful probes that close it [1]
  <SERVICE>_CIRCUIT_...      the same for one of OLLAMA, REDIS, POSTGRES, AGENTS, EXTERNAL
  CALL_TIMEOUT_MS            how long one call may take [2000]
  REDIS_URL                  [redis://127.0.0.1:6379]
  DATABASE_URL               with a table users (id int PRIMARY KEY, name text NOT NULL)
                             [postgres://postgres@127.0.0.1/postgres]
  AGENTS                     the agents' names [planner,gardener,scribe]
  OLLAMA_URL, AGENTS_URL, EXTERNAL_URL
                             [fake backends of this process]
  CIRCUIT_BREAKER_REDIS_URL  processes share their circuits by it, as by --redis
  LOG_FORMAT, LOG_LEVEL      text, or json for JSON lines, on standard error [text, info]
  LOG_FILE                   also into this file
  ADMIN_TOKEN, ADMIN_READ_TOKEN
                             to steer and to read by, with commas between several [a token to steer
                             by is made for each run, and told]
  APP_ENV                    production takes tokens of 24 or more characters, and makes none
                             [development]

While it runs, try:
  curl http://127.0.0.1:3000/api/v1/users/1
  curl -H 'Authorization: Bearer <token>' \\
    http://127.0.0.1:3000/api/v1/circuit-breaker/status/postgres
  a browser at http://127.0.0.1:3000/circuits/";
