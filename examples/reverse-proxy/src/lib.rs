//! A reverse proxy that its clients cannot open: axum in, hyper-util out, HTTP/1 and HTTP/2 on both
//! sides, and a circuit for each upstream host.
//!
//! Whatever clients do (break an upload, hang up, read slowly, send what is no request) says nothing of
//! an upstream, and counts as nothing; what the upstream does counts. `client.rs` is the stack in which
//! that is so. It does not speak TLS, upgrades or trailers of requests, and limits neither connections
//! nor bodies: put that before it.

mod client;
mod forward;
mod headers;
mod patience;
mod upload;
mod upstreams;

use axum::Router;
use tower_circuit_breaker::CircuitRegistry;

pub use crate::client::Settings;
pub use crate::upstreams::{Route, Upstreams};

/// The proxy as a service, whose circuits are kept in `registry`: `upstreams` by name of the host.
pub fn proxy(upstreams: Upstreams, settings: &Settings, registry: &CircuitRegistry) -> Router {
    let client = client::client(settings, registry);
    let version = settings.version();
    Router::new()
        .fallback(forward::forward)
        .with_state(forward::Proxy::new(upstreams, client, version))
}
