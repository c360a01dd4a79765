//! The `TraceLayer` of tower-http around a circuit: the recipe of the guide (`guide::stack`).

use std::any::Any;
use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::{layer, service_unavailable};
use tower_circuit_breaker::{Circuit, Rejected};
use tower_http::classify::{
    ClassifiedResponse, ClassifyResponse, NeverClassifyEos, ServerErrorsFailureClass as Class,
    SharedClassifier,
};
use tower_http::trace::TraceLayer;

use crate::support::circuit;
use crate::tracing::logged;

#[derive(Clone)]
struct UnlessRejected;

impl ClassifyResponse for UnlessRejected {
    type FailureClass = Option<Class>;
    type ClassifyEos = NeverClassifyEos<Option<Class>>;

    fn classify_response<B>(
        self,
        response: &Response<B>,
    ) -> ClassifiedResponse<Self::FailureClass, Self::ClassifyEos> {
        let is_rejected = response.extensions().get::<Rejected>().is_some();
        let status = response.status();
        let is_failure = status.is_server_error() && !is_rejected;
        ClassifiedResponse::Ready(if is_failure {
            Err(Some(Class::StatusCode(status)))
        } else {
            Ok(())
        })
    }

    fn classify_error<E: Display + 'static>(self, error: &E) -> Option<Class> {
        let boxed = (error as &dyn Any).downcast_ref::<BoxError>();
        let rejected = boxed.and_then(|error| Rejected::find(&**error));
        rejected.is_none().then(|| Class::Error(error.to_string()))
    }
}

type Log = fn(Option<Class>, Duration, &tracing::Span);

fn log(failure: Option<Class>, latency: Duration, _: &tracing::Span) {
    let Some(failure) = failure else { return };
    tracing::error!(classification = %failure, ?latency, "response failed");
}

/// How many lines at `ERROR` one call leaves.
fn errors<S>(service: S) -> usize
where
    S: Service<Request<Body>>,
{
    let lines = logged(|| {
        let _ = service.oneshot(Request::new(Body::empty())).now_or_never().unwrap();
    });
    lines.iter().filter(|line| line["level"] == "ERROR").count()
}

/// A server that answers a call with 500, and another one once its circuit is open.
fn server_errors<L>(trace: impl Fn() -> L) -> [usize; 2]
where
    L: Layer<Server, Service: Service<Request<Body>>>,
{
    let (circuit, _) = circuit(|b| b);
    let failing = errors(trace().layer(server(&circuit)));
    circuit.trip();
    [failing, errors(trace().layer(server(&circuit)))]
}

type Server = tower::util::BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

fn server(circuit: &Circuit) -> Server {
    let handler = service_fn(|_: Request<Body>| async {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Ok(response)
    });
    let stack = layer(circuit.clone()).respond_with(service_unavailable).layer(handler);
    Server::new(stack.map_response(|response| response.map(Body::new)))
}

/// A client whose call is refused, and another one once its circuit is open.
fn client_errors<L>(trace: impl Fn() -> L) -> [usize; 2]
where
    L: Layer<Client, Service: Service<Request<Body>>>,
{
    let (circuit, _) = circuit(|b| b);
    let failing = errors(trace().layer(client(&circuit)));
    circuit.trip();
    [failing, errors(trace().layer(client(&circuit)))]
}

type Client = tower::util::BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

fn client(circuit: &Circuit) -> Client {
    let refused =
        service_fn(async |_: Request<Body>| Err::<Response<Body>, _>(BoxError::from("refused")));
    let stack = layer(circuit.clone()).boxed().layer(refused);
    Client::new(stack.map_response(|response| response.map(Body::new)))
}

#[test]
fn trace_layer_by_itself_makes_an_error_of_each_rejection() {
    assert_eq!(server_errors(TraceLayer::new_for_http), [1, 1]);
    assert_eq!(client_errors(TraceLayer::new_for_http), [1, 1]);
}

#[test]
fn trace_layer_by_the_recipe_makes_errors_of_failures_alone() {
    let recipe = || TraceLayer::new(SharedClassifier::new(UnlessRejected)).on_failure(log as Log);

    assert_eq!(server_errors(recipe), [1, 0]);
    assert_eq!(client_errors(recipe), [1, 0]);
}
