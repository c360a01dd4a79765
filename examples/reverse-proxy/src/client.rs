//! What asks an upstream: the stack in which clients count for nothing, and upstreams for what they do.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, Version};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};
use tower_circuit_breaker::http::{ByHost, IdempotentRequests};
use tower_circuit_breaker::hyper::{HyperErrors, layer};
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{Circuit, CircuitRegistry, Rejected, RetryPolicy, Retryable};

use crate::patience::PatienceLayer;
use crate::upload::Upload;

/// What the stack goes by.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Settings {
    /// How long a circuit stays open.
    pub open_for: Duration,
    /// How long an upstream may take to be connected to, and how long it may take to answer once it has
    /// the whole request.
    pub patience: Duration,
    /// Whether upstreams speak HTTP/2.
    pub http2: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { open_for: Duration::from_secs(10), patience: Duration::from_secs(10), http2: false }
    }
}

impl Settings {
    pub(crate) fn version(&self) -> Version {
        if self.http2 { Version::HTTP_2 } else { Version::HTTP_11 }
    }
}

pub(crate) type Upstream = BoxCloneSyncService<Request<Upload>, Response<Body>, BoxError>;

/// Attempts of one call, the first included.
const ATTEMPTS: u32 = 2;

pub(crate) fn client(settings: &Settings, registry: &CircuitRegistry) -> Upstream {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(settings.patience));
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .http2_only(settings.http2)
        // Whoever leaves an answer midway resets its stream, and what still comes of it is an error here.
        // By default the 1,024th closes the connection, and all calls that share it break midway.
        .http2_max_local_error_reset_streams(None)
        .build(connector);
    let open_for = settings.open_for;
    // No rules: those of the default, by which five failures open it only if they last for a second.
    let circuits = KeyedCircuits::new(move |circuit| circuit.open_for(open_for)).registry(registry);
    let stack = ServiceBuilder::new()
        .map_response(|answer: Response<_>| answer.map(Body::new))
        // Outside the circuit, so that each attempt asks it anew. With a budget for all calls.
        .retry(RetryPolicy::of(Repeatable, ATTEMPTS))
        // Knows whose fault an error of the client is, and judges an answer at the end of its body. Hosts
        // without a circuit of their own, past the first 1,024, share the one that is named here.
        .layer(layer(Circuit::builder("upstream").build()).boxed().keyed(ByHost, circuits))
        // Inside it, so that an upstream that does not answer counts.
        .layer(PatienceLayer(settings.patience))
        .service(client);
    BoxCloneSyncService::new(stack)
}

/// What may be asked again is what `http::retry` asks again, unless it has a body: that is gone once it
/// was sent.
#[derive(Debug, Clone, Copy)]
struct Repeatable;

/// The rules of requests without a body, whatever the answer.
const RULES: fn() -> IdempotentRequests<HyperErrors> = IdempotentRequests::default;

impl<A> Retryable<Request<Upload>, Response<A>, BoxError> for Repeatable {
    fn clone_request(&self, request: &Request<Upload>) -> Option<Request<Upload>> {
        let body = request.body().again()?;
        let mut copy = Request::new(body);
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        *copy.version_mut() = request.version();
        Some(copy)
    }

    fn is_repeatable(&self, request: &Request<Upload>) -> bool {
        request.method().is_idempotent()
    }

    fn is_worth_retry(&self, result: &Result<Response<A>, BoxError>) -> bool {
        Retryable::<Request<()>, _, _>::is_worth_retry(&RULES(), result)
    }

    fn retry_after(&self, result: &Result<Response<A>, BoxError>) -> Option<Duration> {
        Retryable::<Request<()>, _, _>::retry_after(&RULES(), result)
    }

    fn rejected<'a>(&self, response: &'a Response<A>) -> Option<&'a Rejected> {
        response.extensions().get()
    }
}
