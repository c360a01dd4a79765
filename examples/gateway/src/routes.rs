//! The gateway: one route for each upstream, and those of the operators.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::uri::{PathAndQuery, Uri};
use http::{Request, StatusCode};
use http_body_util::Empty;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;
use tower::timeout::error::Elapsed;
use tower_circuit_breaker::http::service_unavailable;
use tower_circuit_breaker::{BoxError, Rejected};
use tower_circuit_breaker_admin::Admin;

use crate::lane::Lane;
use crate::ops;
use crate::stack::{self, Call, Stack};

/// Where a route leads.
#[derive(Debug, Clone)]
struct Target {
    prefix: String,
    authority: String,
    stack: Stack,
}

/// Serves until asked to end, then answers what it has begun.
pub(crate) async fn serve(
    listener: TcpListener,
    lanes: Arc<[Lane; 2]>,
    admin: Admin,
    asked_to_end: oneshot::Receiver<()>,
) -> io::Result<()> {
    let server = router(&lanes, &admin).into_make_service_with_connect_info::<SocketAddr>();
    let asked_to_end = async move {
        asked_to_end.await.unwrap_or_default();
        admin.end_streams();
    };
    axum::serve(listener, server).with_graceful_shutdown(asked_to_end).await
}

fn router(lanes: &Arc<[Lane; 2]>, admin: &Admin) -> Router {
    lanes.iter().fold(ops::routes(admin), |router, lane| {
        let (prefix, authority) = (lane.route(), lane.upstream.address().to_string());
        let target = Target { prefix, authority, stack: stack::client(&lane.circuit) };
        router.route(&format!("{}/{{*path}}", target.prefix), get(forward).with_state(target))
    })
}

async fn forward(State(target): State<Target>, uri: Uri) -> Response {
    let Some(call) = target.call(&uri) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match target.stack.oneshot(call).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => answer_for(&error),
    }
}

impl Target {
    /// The same call, to the upstream.
    fn call(&self, uri: &Uri) -> Option<Call> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let path = path.strip_prefix(&self.prefix)?;
        Request::get(format!("http://{}{path}", self.authority)).body(Empty::new()).ok()
    }
}

/// What a caller gets when there is no answer of the upstream to pass on.
fn answer_for(error: &BoxError) -> Response {
    if let Some(rejected) = Rejected::find(&**error) {
        return answer_for_rejection(rejected);
    }
    let status =
        if error.is::<Elapsed>() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
    (status, Json(json!({ "error": error.to_string() }))).into_response()
}

fn answer_for_rejection(rejected: &Rejected) -> Response {
    let body = json!({
        "error": rejected.to_string(),
        "circuit": rejected.circuit(),
        "reason": rejected.reason().as_str(),
    });
    // 503, not to be cached, with `Retry-After` where the time is known.
    let head = service_unavailable::<()>(rejected.clone());
    (head, [(REJECTED_BY, rejected.circuit().to_owned())], Json(body)).into_response()
}

/// Tells a 503 of the gateway from one of the upstream, and names the circuit.
pub(crate) const REJECTED_BY: &str = "x-rejected-by";
