//! Study material by one AI provider with three services: text, vision, imagen. Each has a circuit of
//! its own, so that pictures may fail while text answers.
//!
//! `service.rs` is what an application would copy: the circuit and the stack around the calls.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it tells where it is")]
#![expect(clippy::print_stderr, reason = "it tells what is wrong")]

mod events;
mod fake;
mod figures;
mod log;
mod ops;
mod routes;
mod service;
mod settings;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use desk::{ControlArgs, Desk, asked_to_end, probes, start_log};
use tokio::net::TcpListener;
use tower_circuit_breaker::{BoxError, CircuitRegistry};

use crate::service::{Service, Services};
use crate::settings::Settings;

/// Study material by one AI provider, with a circuit breaker for each of its three services.
#[derive(Debug, Parser)]
#[command(name = "study-ai", after_help = AFTER_HELP)]
struct Args {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3200)]
    port: u16,

    #[command(flatten)]
    control: ControlArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let settings = Settings::read(|name| Some(std::env::var_os(name)?.to_string_lossy().into()));
    let read = settings.and_then(|settings| {
        start_log()?;
        Ok((settings, Desk::read(args.control)?))
    });
    let (settings, desk) = match read {
        Ok(both) => both,
        Err(line) => {
            eprintln!("study-ai: {line}");
            return ExitCode::from(2);
        }
    };
    match run(args.port, settings, &desk).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("study-ai: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(port: u16, settings: Settings, desk: &Desk) -> Result<(), BoxError> {
    // Before anybody can connect: who has read the page may end this.
    let asked_to_end = asked_to_end()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; choose another port with --port")
    })?;
    println!("study-ai  http://{}", listener.local_addr()?);
    println!("{}", desk.told(&format!("http://{}/circuits/", listener.local_addr()?)));
    let provider = match settings.provider {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => fake::start().await?,
    };
    println!("provider  {provider}");

    let client = service::client(settings.timeout);
    let open = |name, limits| Service::open(name, &provider, client.clone(), limits);
    let services = Arc::new(Services {
        text: open(["text", "text_generation"], settings.text),
        vision: open(["vision", "vision"], settings.vision),
        imagen: open(["imagen", "imagen"], settings.imagen),
    });
    let registry = CircuitRegistry::new();
    for service in services.all() {
        registry.insert(&service.circuit)?;
    }
    let admin = desk.admin("study-ai", env!("CARGO_PKG_VERSION"), registry.clone()).build();
    let app = routes::routes(&services).merge(ops::routes(&admin, &services));
    let app = app.merge(probes(registry));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let end = async move {
        asked_to_end.await;
        admin.end_streams();
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(end).await?)
}

const AFTER_HELP: &str = "\
Environment, with what holds otherwise:
  TEXT_CIRCUIT_FAIL_MAX=5     TEXT_CIRCUIT_RESET_TIMEOUT=60
  VISION_CIRCUIT_FAIL_MAX=3   VISION_CIRCUIT_RESET_TIMEOUT=60
  IMAGEN_CIRCUIT_FAIL_MAX=3   IMAGEN_CIRCUIT_RESET_TIMEOUT=120
  PROVIDER_URL                played by this process unless set
  PROVIDER_TIMEOUT=30         the longest silence, before and within an answer
  ADMIN_TOKEN, ADMIN_READ_TOKEN   to steer and to read by, with commas between several;
                                  one to steer by is made for each run unless set
  APP_ENV=development             production takes tokens of 24 or more, and makes none
  LOG_FORMAT=text, LOG_LEVEL=info   json for JSON lines; on standard error
  LOG_FILE                    also into this file
Times are seconds.";
