//! The external API: a function as any other, and a circuit that is put around it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use desk::Flood;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use tower_circuit_breaker::{Circuit, Error};

use crate::failed::Failed;
use crate::log::blocked;
use crate::web::{read, text};

type Http = Client<HttpConnector, axum::body::Body>;

/// `GET /api/v1/external/{topic}`. The guarded function is used as the plain one would be; an open
/// circuit spares the call, and its time.
pub(crate) fn routes(circuit: &Circuit, base: String, limit: Duration) -> Router {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let ask = circuit.wrap(move |url: Uri| ask(http.clone(), url, limit));
    // Handlers are cloned.
    let (ask, circuit, flood) = (Arc::new(ask), circuit.clone(), Flood::default());
    let external = move |Path(topic): Path<String>| {
        let (ask, circuit, flood) = (Arc::clone(&ask), circuit.clone(), flood.clone());
        let url = format!("{base}/{topic}").parse();
        async move {
            let url = url.map_err(|_| Failed::bad_request(format!("no topic: {topic:?}")))?;
            match ask(url).await {
                Ok((status, body)) => text(status, body),
                Err(Error::Inner(failed)) => Err(failed),
                Err(Error::Rejected(rejected)) => {
                    blocked(&flood, &circuit, &format!("/{topic}"));
                    Err(Failed::Rejected(rejected))
                }
            }
        }
    };
    Router::new().route("/api/v1/external/{topic}", get(external))
}

/// What the API answers. A 4xx is an answer; what is an error here counts as a failure.
async fn ask(http: Http, url: Uri, limit: Duration) -> Result<(StatusCode, String), Failed> {
    let answer = async {
        let failed =
            |error: hyper_util::client::legacy::Error| Failed::bad_backend(error.to_string());
        let response = http.get(url).await.map_err(failed)?;
        let (status, body) = (response.status(), read(response).await?);
        match status.is_server_error() {
            true => Err(Failed::bad_backend(format!("{status}: {body}"))),
            false => Ok((status, body)),
        }
    };
    timeout(limit, answer).await.unwrap_or_else(|_| Err(Failed::timed_out()))
}
