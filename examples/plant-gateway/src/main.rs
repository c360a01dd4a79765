//! Names the plant in a picture by two upstreams, one paid and one free, and goes on with one of
//! them while the other is down.
//!
//! `upstream.rs` is what an application would copy: a cache, a circuit and a call.

#![expect(clippy::print_stdout, reason = "it tells where it is")]
#![expect(clippy::print_stderr, reason = "it tells what is wrong")]

mod alerts;
mod app;
mod fake;
mod figures;
mod fleet;
mod identify;
mod keys;
mod kind;
mod log;
mod quota;
mod settings;
mod shared;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use clap::Parser;
use desk::{ControlArgs, Desk, Flood, asked_to_end, probes, start_log};
use reqwest::Client;
use tokio::net::TcpListener;
use tower_circuit_breaker::{BoxError, Circuit, CircuitRegistry};
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::app::{App, health};
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::identify::identify;
use crate::keys::{Keys, OLD_PATH};
use crate::kind::Kind;
use crate::upstream::Upstream;

/// Names the plant in a picture by two upstreams, with a circuit breaker for each.
#[derive(Parser)]
#[command(name = "plant-gateway", after_help = AFTER_HELP)]
struct Args {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3100)]
    port: u16,

    /// Redis by which processes share answers and circuits, such as `redis://127.0.0.1:6379`; the
    /// environment says it by `REDIS_URL`, and one for circuits alone by `CIRCUIT_BREAKER_REDIS_URL`
    #[arg(long, value_name = "URL")]
    redis: Option<String>,

    #[command(flatten)]
    control: ControlArgs,
}

#[tokio::main]
async fn main() {
    if let Err(error) = run(Args::parse()).await {
        eprintln!("plant-gateway: {error}");
        std::process::exit(2);
    }
}

async fn run(args: Args) -> Result<(), BoxError> {
    // Before anybody can connect: who has read the page may end this.
    let asked_to_end = asked_to_end()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
        format!("cannot listen on port {}: {error}; choose another with --port", args.port)
    })?;
    start_log()?;
    let registry = CircuitRegistry::new();
    let desk = Desk::read(args.control)?;
    let (keys, figures) = (Keys::read()?, Arc::new(Figures::default()));
    let redis = args.redis.or_else(|| settings::text("REDIS_URL"));
    let fleet = redis.as_ref().map(|url| Fleet::new(url, &registry, Arc::clone(&figures)));
    let fleet = fleet.transpose()?;
    let address = listener.local_addr()?;
    println!("gateway   http://{address}\n{}", desk.told(&format!("http://{address}/circuits/")));
    let upstreams = [
        Upstream::open(Kind::plant_id(), fleet.clone(), Arc::clone(&figures)).await?,
        Upstream::open(Kind::plantnet(), fleet, Arc::clone(&figures)).await?,
    ];
    let circuits = upstreams.each_ref().map(|upstream| upstream.circuit.clone());
    for circuit in &circuits {
        registry.insert(circuit)?;
    }
    watch(&circuits)?;
    // As long as this runs.
    let _link = match settings::text("CIRCUIT_BREAKER_REDIS_URL").or(redis) {
        Some(url) => {
            let link = shared::share(&url, &registry).await?;
            for circuit in circuits {
                shared::show(circuit, &url)?;
            }
            Some(link)
        }
        None => None,
    };

    let (text, own) = (PrometheusText::new(), Arc::clone(&figures));
    let metrics = move |circuits: &_| text.encode(circuits) + &own.as_metrics();
    let admin = desk
        .admin("plant-gateway", env!("CARGO_PKG_VERSION"), registry.clone())
        .metrics(metrics)
        .build();
    let app =
        App { upstreams, keys, figures, degraded: Flood::default(), critical: Flood::default() };
    let app = Arc::new(app);
    let old_name = post(identify).layer(map_response(async |it: Response| (DEPRECATED, it)));
    let app = Router::new()
        .route("/api/v1/identify", post(identify))
        .route(OLD_PATH, old_name)
        .layer(from_fn_with_state(Arc::clone(&app), keys::admit))
        .layer(DefaultBodyLimit::max(10 * 1024 * 1024))
        .route("/api/v1/health", get(health))
        .with_state(app)
        .merge(probes(registry))
        .nest_service("/circuits", admin.clone())
        .route_service("/metrics", admin.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let end = async move {
        asked_to_end.await;
        admin.end_streams();
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(end).await?)
}

/// Tells a webhook what becomes of these circuits, if there is one.
fn watch(circuits: &[Circuit]) -> Result<(), BoxError> {
    let open_for = settings::seconds("ALERT_WHEN_OPEN_FOR", 300.0)?;
    let Some(webhook) = settings::url("ALERT_WEBHOOK_URL")? else { return Ok(()) };
    let client = Client::builder().no_proxy().build()?;
    for circuit in circuits.iter().cloned() {
        tokio::spawn(alerts::watch(circuit, client.clone(), webhook.clone(), open_for));
    }
    Ok(())
}

/// What the old name says: that it is old since 2026-01-01
/// ([RFC 9745](https://www.rfc-editor.org/rfc/rfc9745)), and what it is called now.
const DEPRECATED: [(&str, &str); 2] =
    [("deprecation", "@1767225600"), ("link", "</api/v1/identify>; rel=\"successor-version\"")];

const AFTER_HELP: &str = "\
Environment, with what holds otherwise:
  PLANT_ID_CIRCUIT_FAIL_MAX=3           PLANTNET_CIRCUIT_FAIL_MAX=5
  PLANT_ID_CIRCUIT_RESET_TIMEOUT=60     PLANTNET_CIRCUIT_RESET_TIMEOUT=30
  PLANT_ID_CIRCUIT_SUCCESS_THRESHOLD=2  PLANTNET_CIRCUIT_SUCCESS_THRESHOLD=2
  PLANT_ID_TIMEOUT=35                   PLANTNET_TIMEOUT=20
  PLANT_ID_URL, PLANTNET_URL            played by this process unless set
  APP_ENV=development                   production answers nobody without a key
  API_KEYS                              keys with commas between them
  ADMIN_TOKEN, ADMIN_READ_TOKEN         to steer and to read by; one to steer by is made for
                                        each run of development unless set
  ALERT_WEBHOOK_URL                     told when circuits open, stay open, flap
  ALERT_WHEN_OPEN_FOR=300               when a circuit has stayed open for long
  CACHE_LOCK_WAIT=10, CACHE_LOCK_EXPIRY=30   with --redis
Times are seconds.";
