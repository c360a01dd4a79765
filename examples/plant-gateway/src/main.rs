//! Names the plant in a picture by two upstreams, one paid and one free, and goes on with one of
//! them while the other is down.
//!
//! `upstream.rs` is what an application would copy: a cache, a circuit and a call.

#![expect(clippy::print_stdout, reason = "it tells where it is")]
#![expect(clippy::print_stderr, reason = "it tells what is wrong")]

mod alerts;
mod fake;
mod fleet;
mod identify;
mod keys;
mod settings;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use desk::{ControlArgs, Desk, asked_to_end};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_circuit_breaker::{BoxError, CircuitRegistry, CircuitSnapshot, Health};

use crate::fleet::Fleet;
use crate::identify::{Upstreams, identify};
use crate::keys::Keys;
use crate::upstream::{Kind, Upstream};

/// Names the plant in a picture by two upstreams, with a circuit breaker for each.
#[derive(Parser)]
#[command(name = "plant-gateway", after_help = include_str!("help.txt"))]
struct Args {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3100)]
    port: u16,

    /// Redis by which processes share answers, such as `redis://127.0.0.1:6379`
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
    let registry = CircuitRegistry::new();
    let desk = Desk::read(args.control)?;
    let admin = desk.admin("plant-gateway", registry.clone());
    let keys = Arc::new(Keys::read()?);
    let fleet = args.redis.map(|url| Fleet::new(&url, &registry)).transpose()?;
    let address = listener.local_addr()?;
    println!("gateway   http://{address}\n{}", desk.told(&format!("http://{address}/circuits/")));
    let [paid, free]: [Kind; 2] = serde_json::from_str(include_str!("upstreams.json"))?;
    let upstreams =
        [Upstream::open(paid, fleet.clone()).await?, Upstream::open(free, fleet).await?];
    let webhook = settings::url("ALERT_WEBHOOK_URL")?;
    let open_for = settings::seconds("ALERT_WHEN_OPEN_FOR", 300.0)?;
    let client = Client::builder().no_proxy().build()?;
    for circuit in upstreams.each_ref().map(|upstream| upstream.circuit.clone()) {
        registry.insert(&circuit)?;
        if let Some(webhook) = webhook.clone() {
            tokio::spawn(alerts::watch(circuit, client.clone(), webhook, open_for));
        }
    }
    let old_name = post(identify).layer(map_response(async |it: Response| (DEPRECATED, it)));
    let app = Router::new()
        .route("/api/v1/identify", post(identify))
        .route("/api/identify", old_name)
        .layer(from_fn_with_state(keys, keys::admit))
        .layer(DefaultBodyLimit::max(10 * 1024 * 1024))
        .route("/api/v1/health", get(health))
        .with_state(upstreams)
        .nest_service("/circuits", admin.clone())
        .route_service("/metrics", admin.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let end = async move {
        asked_to_end.await;
        admin.end_streams();
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(end).await?)
}

/// Unhealthy when nobody is left to ask; Redis only makes answers dearer.
async fn health(State(upstreams): State<Upstreams>) -> (StatusCode, Json<Value>) {
    let circuits = upstreams.map(|upstream| upstream.circuit.snapshot());
    let (status, health) = match circuits.each_ref().map(CircuitSnapshot::health) {
        [Health::Healthy, Health::Healthy] => (StatusCode::OK, "healthy"),
        [Health::Failing, Health::Failing] => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
        _ => (StatusCode::OK, "degraded"),
    };
    (status, Json(json!({ "status": health, "circuits": circuits })))
}

/// What the old name says: that it is old since 2026-01-01
/// ([RFC 9745](https://www.rfc-editor.org/rfc/rfc9745)), and what it is called now.
const DEPRECATED: [(&str, &str); 2] =
    [("deprecation", "@1767225600"), ("link", "</api/v1/identify>; rel=\"successor-version\"")];
