//! An HTTP backend behind a circuit.

use std::time::Duration;

use axum::body::{self, Body, Bytes, HttpBody};
use axum::http::{Method, Request, Response, StatusCode, Uri};
use desk::Flood;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::http::{self as breaker, BODY};
use tower_circuit_breaker::{Circuit, Outcome};

use crate::Wrong;
use crate::failed::Failed;
use crate::log::blocked;

/// A server of HTTP, by its address and the stack that calls it.
#[derive(Debug)]
pub(crate) struct Web {
    circuit: Circuit,
    blocked: Flood,
    base: String,
    limit: Duration,
    stack: BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>,
}

impl Web {
    /// A call is judged by its status and by how its body ends; the head may take `limit`, and so
    /// may the body.
    pub(crate) fn new(circuit: Circuit, base: String, limit: Duration) -> Self {
        let layer = breaker::layer(circuit.clone()).body_deadline(limit, Outcome::Failure(BODY));
        let stack = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(layer.boxed())
            .timeout(limit)
            .service(Client::builder(TokioExecutor::new()).build_http());
        let stack = BoxCloneSyncService::new(stack);
        Self { circuit, blocked: Flood::default(), base, limit, stack }
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
        let answer = called.unwrap_or_else(|_| Err(Failed::timed_out()));
        if let Err(Failed::Rejected(_)) = &answer {
            blocked(&self.blocked, &self.circuit, &format!("/{topic}"));
        }
        answer
    }

    async fn exchange(&self, request: Request<Body>) -> Result<String, Failed> {
        let response = self.stack.clone().oneshot(request).await?;
        let status = response.status();
        text(status, read(response).await?)
    }
}

/// The whole body.
pub(crate) async fn read<B>(response: Response<B>) -> Result<String, Failed>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let body = Body::new(response.into_body());
    let body = body::to_bytes(body, MOST).await.map_err(BoxError::from)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// An answer, if it is one.
pub(crate) fn text(status: StatusCode, text: String) -> Result<String, Failed> {
    if status.is_success() {
        Ok(text)
    } else {
        Err(Failed::bad_backend(format!("{status}: {text}")))
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
