//! One call: to the upstream, and back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, StatusCode, Uri, Version};
use tower::timeout::error::Elapsed;
use tower::{BoxError, ServiceExt};
use tower_circuit_breaker::Rejected;
use tower_circuit_breaker::http::service_unavailable;

use crate::client::Upstream;
use crate::headers::take_out_hops;
use crate::upload::Upload;
use crate::upstreams::Upstreams;

#[derive(Clone)]
pub(crate) struct Proxy {
    upstreams: Arc<Upstreams>,
    client: Upstream,
    version: Version,
}

impl Proxy {
    pub(crate) fn new(upstreams: Upstreams, client: Upstream, version: Version) -> Self {
        Self { upstreams: Arc::new(upstreams), client, version }
    }
}

pub(crate) async fn forward(State(proxy): State<Proxy>, call: Request<Body>) -> Response {
    let Some(upstream) = proxy.upstreams.find(call.uri(), call.headers()) else {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    };
    let call = outward(call, upstream, proxy.version);
    match proxy.client.oneshot(call).await {
        // With all that it says, `Retry-After` among it.
        Ok(mut answer) => {
            take_out_hops(answer.headers_mut());
            answer
        }
        Err(error) => failed(&error),
    }
}

/// The same call, to the upstream.
fn outward(call: Request<Body>, upstream: &Authority, version: Version) -> Request<Upload> {
    let (mut head, body) = call.into_parts();
    take_out_hops(&mut head.headers);
    let path = head.uri.path_and_query().cloned();
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(upstream.clone());
    uri.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    // Its parts were those of one.
    head.uri = Uri::from_parts(uri).unwrap_or_default();
    head.version = version;
    if version == Version::HTTP_2 {
        // It stands in the URI; the name by which the client knows the host would contradict that.
        head.headers.remove(http::header::HOST);
    }
    Request::from_parts(head, Upload::new(body))
}

/// What a client is told where there is no answer. Whoever has broken its own upload is gone, mostly.
fn failed(error: &BoxError) -> Response {
    if let Some(rejected) = Rejected::find(&**error) {
        return service_unavailable(rejected.clone());
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&**error);
    while let Some(cause) = source {
        if cause.is::<Elapsed>() {
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        source = cause.source();
    }
    StatusCode::BAD_GATEWAY.into_response()
}
