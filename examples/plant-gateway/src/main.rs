//! Names the plant in a picture by two upstreams, one paid and one free, and goes on with one of them
//! while the other is down.
//!
//! `upstream.rs` is what an application would copy: the circuit and the stack around the calls.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it tells where it is")]
#![expect(clippy::print_stderr, reason = "it tells what is wrong")]

mod alerts;
mod answer;
mod cache;
mod fake;
mod fleet;
mod identify;
mod keys;
mod ops;
mod settings;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use clap::Parser;
use serde_json::Value;
use tokio::net::TcpListener;
use tower_circuit_breaker::{BoxError, Circuit, CircuitRegistry};

use crate::alerts::Watch;
use crate::answer::Read;
use crate::cache::Answers;
use crate::fleet::Fleet;
use crate::identify::Source;
use crate::keys::Keys;
use crate::settings::{Settings, UpstreamSettings};

/// Names the plant in a picture by two upstreams, with a circuit breaker for each.
#[derive(Debug, Parser)]
#[command(name = "plant-gateway", after_help = AFTER_HELP)]
struct Args {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3100)]
    port: u16,

    /// Redis by which processes share answers, such as `redis://127.0.0.1:6379`
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let settings =
        match Settings::read(|name| Some(std::env::var_os(name)?.to_string_lossy().into())) {
            Ok(settings) => settings,
            Err(line) => {
                eprintln!("plant-gateway: {line}");
                return ExitCode::from(2);
            }
        };
    match run(args, settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plant-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args, settings: Settings) -> Result<(), BoxError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; choose another port with --port")
    })?;
    let registry = CircuitRegistry::new();
    let fleet = args.redis.map(|url| fleet(&url, &registry, &settings)).transpose()?;
    println!("gateway   http://{}", listener.local_addr()?);
    println!("page      http://{}/circuits/", listener.local_addr()?);
    let plant_id = Kind { name: "plant-id", read: answer::plant_id, keep_for: 30 * MINUTE };
    let plantnet = Kind { name: "plantnet", read: answer::plantnet, keep_for: 24 * 60 * MINUTE };
    let (paid, paid_source) = plant_id.open(&settings.plant_id, fake::plant_id(), &fleet).await?;
    let (free, free_source) = plantnet.open(&settings.plantnet, fake::plantnet(), &fleet).await?;
    let circuits = [paid, free];
    for circuit in &circuits {
        registry.insert(circuit)?;
        if let Some(url) = &settings.webhook {
            tokio::spawn(Watch::new(circuit, url, settings.alert_when_open_for).run());
        }
    }

    let admin = ops::admin(&registry, settings.admin_token);
    let keys = Arc::new(Keys::new(settings.mode, &settings.keys));
    let app = Router::new()
        .route("/api/v1/identify", post(identify::identify))
        .route("/api/identify", post(identify::identify_by_old_name))
        .layer(from_fn_with_state(keys, keys::admit))
        .layer(DefaultBodyLimit::max(LARGEST_PICTURE))
        .with_state(Arc::new([paid_source, free_source]))
        .merge(ops::routes(&admin, Arc::new(circuits)));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let end = async move {
        // Where it cannot be heard, the process ends by force alone.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
        admin.end_streams();
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(end).await?)
}

/// The shared cache. The circuits themselves could be shared here, too: they are in `registry`.
fn fleet(url: &str, registry: &CircuitRegistry, settings: &Settings) -> Result<Fleet, BoxError> {
    let circuit =
        Circuit::builder("redis").consecutive_failures(3).open_for(Duration::from_secs(5)).build();
    registry.insert(&circuit)?;
    Fleet::new(url, circuit, settings.lock).map_err(|error| {
        // Without the URL, which may hold a password.
        format!("--redis must be a URL such as redis://127.0.0.1:6379: {error}").into()
    })
}

/// What sets one upstream apart from the other.
struct Kind {
    name: &'static str,
    read: Read,
    keep_for: Duration,
}

impl Kind {
    /// The upstream's circuit, and what answers by it; played where no URL is set.
    async fn open(
        self,
        settings: &UpstreamSettings,
        played: Value,
        fleet: &Option<Fleet>,
    ) -> Result<(Circuit, Source), BoxError> {
        let Self { name, read, keep_for } = self;
        let url = match &settings.url {
            Some(url) => url.clone(),
            None => fake::start(played).await?,
        };
        println!("{name:<9} {url}");
        let circuit = upstream::circuit(name, settings);
        let url = format!("{}/identify", url.trim_end_matches('/'));
        let stack = upstream::stack(&circuit, url, settings.timeout, read);
        let answers = Answers::new(keep_for, fleet.clone());
        Ok((circuit, Source { name, answers, stack }))
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const LARGEST_PICTURE: usize = 10 * 1024 * 1024;

const AFTER_HELP: &str = "\
Environment, with what holds otherwise:
  PLANT_ID_CIRCUIT_FAIL_MAX=3           PLANTNET_CIRCUIT_FAIL_MAX=5
  PLANT_ID_CIRCUIT_RESET_TIMEOUT=60     PLANTNET_CIRCUIT_RESET_TIMEOUT=30
  PLANT_ID_CIRCUIT_SUCCESS_THRESHOLD=2  PLANTNET_CIRCUIT_SUCCESS_THRESHOLD=2
  PLANT_ID_TIMEOUT=35                   PLANTNET_TIMEOUT=20
  PLANT_ID_URL, PLANTNET_URL            played by this process unless set
  APP_ENV=development                   production answers nobody without a key
  API_KEYS                              keys with commas between them
  ADMIN_TOKEN                           to see and steer circuits, if set
  ALERT_WEBHOOK_URL                     told when circuits open, stay open, flap
  ALERT_WHEN_OPEN_FOR=300               when a circuit has stayed open for long
  CACHE_LOCK_WAIT=10, CACHE_LOCK_EXPIRY=30   with --redis
Times are seconds.";
