//! The admin service, asked as a server would ask it.

mod access;
mod attacks;
mod audit;
mod behind_nginx;
mod codings;
mod coming_back;
mod control;
mod corrected;
mod crowd;
mod desk;
mod events;
mod fake_fleet;
mod five_minutes;
mod fleet;
mod fleet_look;
mod gaps;
mod history;
mod openapi;
mod override_ends;
mod queries;
mod reading;
mod rows;
mod trust;
mod user_code;
mod watching;
mod wire;

use std::net::SocketAddr;

use http::request::Builder;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::ServiceExt;
use tower_circuit_breaker::{CircuitRegistry, ManualClock, TokioClock};
use tower_circuit_breaker_admin::{Admin, AdminBody, AdminBuilder, Peer};

pub(crate) const TOKEN: &str = "correct-horse-battery";
const READ_TOKEN: &str = "a-secret-to-read-by";

/// An answer with its body read, also as JSON where it is some.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    head: Response<()>,
    pub(crate) text: String,
    json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.head.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn detail(&self) -> &str {
        self.json["detail"].as_str().unwrap_or_default()
    }
}

/// A registry with circuits of these names, on a clock that stands still, that trip at once.
fn registry(names: &[&str]) -> (CircuitRegistry, ManualClock) {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |builder| {
        builder.consecutive_failures(1).failure_rate(0.5).clock(template.clone())
    });
    for name in names {
        registry.get_or_create(name);
    }
    (registry, clock)
}

/// The same on tokio's clock.
fn registry_in_time(names: &[&str]) -> CircuitRegistry {
    let registry = CircuitRegistry::with_template(|builder| builder.clock(TokioClock::new()));
    for name in names {
        registry.get_or_create(name);
    }
    registry
}

/// A service that callers on this machine may steer.
fn steering(registry: &CircuitRegistry) -> AdminBuilder {
    Admin::builder(registry.clone()).control_from_loopback()
}

async fn send(admin: &Admin, request: Request<Full<bytes::Bytes>>) -> Response<AdminBody> {
    admin.clone().oneshot(request).await.unwrap()
}

async fn ask(admin: &Admin, request: Request<Full<bytes::Bytes>>) -> Answer {
    let (parts, body) = send(admin, request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer { status: parts.status, head: Response::from_parts(parts, ()), text, json }
}

pub(crate) async fn get(admin: &Admin, path: &str) -> Answer {
    ask(admin, from_here(Request::get(path)).body(Full::default()).unwrap()).await
}

async fn post(admin: &Admin, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
    ask(admin, command(path).body(Full::new(body.into())).unwrap()).await
}

/// A command as the page sends it.
fn command(path: &str) -> Builder {
    from_here(Request::post(path)).header("content-type", "application/json")
}

/// A request from the same machine.
fn from_here(request: Builder) -> Builder {
    request.extension(Peer(SocketAddr::from(([127, 0, 0, 1], 50_000))))
}
