//! axum, with the layer and without it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, SlidingWindow};

pub(crate) fn router() -> Router {
    Router::new().route("/", get(|| async { "well" }))
}

pub(crate) fn behind_a_circuit(router: Router) -> Router {
    router.layer(
        layer("server")
            .failure_if(|answer: &Result<Response, Infallible>| {
                answer.as_ref().is_ok_and(|answer| answer.status().is_server_error())
            })
            .respond_with(|_| StatusCode::SERVICE_UNAVAILABLE.into_response()),
    )
}

pub(crate) fn layer(name: &str) -> CircuitBreakerLayer {
    let circuit = Circuit::builder(name).failure_rate(0.5).window(SlidingWindow::default());
    CircuitBreakerLayer::new(circuit.build())
}

/// Serves on a thread of its own, for as long as the program runs.
pub(crate) fn serve(router: Router) -> io::Result<Uri> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        let served =
            runtime.block_on(async { axum::serve(TcpListener::from_std(listener)?, router).await });
        if let Err(error) = served {
            eprintln!("load: the server ended: {error}");
        }
    });
    format!("http://{address}/").parse().map_err(io::Error::other)
}
