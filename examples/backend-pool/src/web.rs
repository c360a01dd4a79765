//! An HTTP backend behind a circuit.

use std::time::Duration;

use axum::body::{self, Body};
use axum::http::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::http::{self as breaker, BODY};
use tower_circuit_breaker::{Circuit, Outcome};

use crate::Wrong;
use crate::failed::Failed;

/// A server of HTTP, by its address and the stack that calls it.
#[derive(Debug)]
pub(crate) struct Web {
    base: String,
    limit: Duration,
    stack: BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>,
}

impl Web {
    /// A call is judged by its status and by how its body ends; the head may take `limit`, and so
    /// may the body.
    pub(crate) fn new(circuit: Circuit, base: String, limit: Duration) -> Self {
        let layer = breaker::layer(circuit).body_deadline(limit, Outcome::Failure(BODY));
        let stack = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(layer.boxed())
            .timeout(limit)
            .service(Client::builder(TokioExecutor::new()).build_http());
        Self { base, limit, stack: BoxCloneSyncService::new(stack) }
    }

    /// What the backend answers to `body` on `topic`.
    pub(crate) async fn call(
        &self,
        method: Method,
        topic: &str,
        body: impl Into<Body>,
    ) -> Result<String, Failed> {
        let request = Request::builder().method(method).uri(format!("{}/{topic}", self.base));
        let request = request.body(body.into());
        let request = request.map_err(|_| Failed::bad_request(format!("no topic: {topic:?}")))?;
        // Longer than any body that is still good, so that the circuit gives its verdict first.
        let called = timeout(self.limit * 2 + MARGIN, self.exchange(request)).await;
        called.unwrap_or_else(|_| Err(Failed::timed_out()))
    }

    async fn exchange(&self, request: Request<Body>) -> Result<String, Failed> {
        let response = self.stack.clone().oneshot(request).await?;
        let status = response.status();
        let body = body::to_bytes(response.into_body(), MOST).await.map_err(BoxError::from)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() {
            Ok(text)
        } else {
            Err(Failed::bad_backend(format!("{status}: {text}")))
        }
    }
}

/// Checks an address that paths are put behind.
pub(crate) fn base(url: &str) -> Result<String, Wrong> {
    let is_http = |uri: &Uri| uri.scheme_str() == Some("http");
    let found = url.parse().ok().filter(is_http);
    found.map(|_| url.trim_end_matches('/').to_owned()).ok_or_else(|| "no http address".into())
}

const MARGIN: Duration = Duration::from_millis(100);
/// What an answer may have, so that no backend can fill the memory.
const MOST: usize = 1024 * 1024;
