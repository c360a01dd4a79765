// cargo add tower-circuit-breaker -F reqwest-013
// cargo add axum reqwest tokio tower -F tokio/full,tower/util
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::http::service_unavailable;
use tower_circuit_breaker::{Circuit, Error, Rejected, reqwest as breaker};

/// The upstream, as handlers see it. Clones share the circuit and the connections.
#[derive(Clone)]
struct Plants {
    url: String,
    reqwest: reqwest::Client,
    stack: BoxCloneSyncService<Request<reqwest::Body>, reqwest::Response, Error<reqwest::Error>>,
}

impl Plants {
    fn new(url: String, circuit: Circuit) -> reqwest::Result<Self> {
        // Of one call with its body; a call that takes longer fails, and counts.
        let reqwest = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        let stack = ServiceBuilder::new()
            .map_response(breaker::into_response) // back to reqwest's own type
            .layer(breaker::layer(circuit))
            .service(breaker::client(reqwest.clone()));
        Ok(Self { url, reqwest, stack: BoxCloneSyncService::new(stack) })
    }

    async fn get(&self, name: &str) -> Result<(StatusCode, String), BoxError> {
        let call = self.reqwest.get(format!("{}/{name}", self.url)).build()?;
        let answer = self.stack.clone().oneshot(call.try_into()?).await?;
        Ok((answer.status(), answer.text().await?))
    }
}

/// Passes on what the upstream says; 502 when it fails, 503 with `Retry-After` while it is not asked.
async fn plant(State(plants): State<Plants>, Path(name): Path<String>) -> Response {
    match plants.get(&name).await {
        Ok(answer) => answer.into_response(),
        Err(error) => match Rejected::find(&*error) {
            Some(rejected) => service_unavailable(rejected.clone()),
            None => StatusCode::BAD_GATEWAY.into_response(),
        },
    }
}

fn app(plants: Plants) -> Router {
    Router::new().route("/plants/{name}", get(plant)).with_state(plants)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let circuit = Circuit::builder("plants").open_for(Duration::from_secs(10)).build();
    let plants = Plants::new("http://127.0.0.1:8080".into(), circuit)?;

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(plants)).await?)
}
