//! Answers of an axum router itself, and of layers before its handlers: no word of the upstream.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::{MethodRouter, any, get};
use futures_util::FutureExt;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_circuit_breaker::http::{
    AtEndOfBody, ServerErrorsAsFailures, layer, service_unavailable,
};
use tower_circuit_breaker::rejection::RespondWith;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};
use tower_http::cors::CorsLayer;

use crate::script::{FAILURE, NOTHING, counted};
use crate::support::circuit;

type Respond = fn(Rejected) -> Response<Body>;
type Breaker = CircuitBreakerLayer<ServerErrorsAsFailures, RespondWith<Respond>, AtEndOfBody>;

pub(crate) fn breaker(circuit: &Circuit) -> Breaker {
    layer(circuit.clone()).respond_with(service_unavailable as Respond)
}

/// A route whose handler answers that its upstream is down.
pub(crate) fn down() -> MethodRouter {
    get(|| async { StatusCode::BAD_GATEWAY })
}

/// Where the documentation puts the layer: around the handlers of a route.
pub(crate) fn as_documented(circuit: &Circuit) -> Router {
    Router::new().route("/report", down().route_layer(breaker(circuit)))
}

/// What a router answers, once its body is read.
pub(crate) fn ask(app: &Router, request: Request<Body>) -> Response<()> {
    let answer = async {
        let answer: Result<_, Infallible> = app.clone().oneshot(request).await;
        let (head, body) = answer.unwrap().into_parts();
        body.collect().await.unwrap();
        Response::from_parts(head, ())
    };
    answer.now_or_never().expect("nothing to wait for")
}

pub(crate) fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

/// What a browser asks before it calls from a page of another origin.
pub(crate) fn preflight() -> Request<Body> {
    let mut request = request(Method::OPTIONS, "/report");
    request.headers_mut().insert(ORIGIN, "https://garden.example".parse().unwrap());
    request.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, "GET".parse().unwrap());
    request
}

#[test]
fn routers_own_answers_and_preflights_count_nothing_where_the_docs_put_the_layer() {
    let routers: [(&str, fn(&Circuit) -> Router, StatusCode); 3] = [
        ("without CORS", as_documented, StatusCode::METHOD_NOT_ALLOWED),
        ("CORS outside", |circuit| as_documented(circuit).layer(CorsLayer::permissive()), OK),
        (
            "CORS inside",
            |circuit| {
                let route = down().layer(CorsLayer::permissive()).route_layer(breaker(circuit));
                Router::new().route("/report", route)
            },
            OK,
        ),
    ];
    for (name, make, of_preflight) in routers {
        let requests = [
            (request(Method::GET, "/nowhere"), StatusCode::NOT_FOUND, NOTHING),
            (request(Method::POST, "/report"), StatusCode::METHOD_NOT_ALLOWED, NOTHING),
            (preflight(), of_preflight, NOTHING),
            (request(Method::GET, "/report"), StatusCode::BAD_GATEWAY, FAILURE),
            (request(Method::HEAD, "/report"), StatusCode::BAD_GATEWAY, FAILURE),
        ];
        for (request, status, expected) in requests {
            let (circuit, _) = circuit(|b| b);
            let shown = format!("{name}: {} {}", request.method(), request.uri());

            let answer = ask(&make(&circuit), request);

            assert_eq!(answer.status(), status, "{shown}");
            assert_eq!(counted(&circuit), expected, "{shown}");
        }
    }
}

#[test]
fn while_the_circuit_is_open_the_router_answers_for_itself_and_pages_can_read_rejections() {
    let (circuit, _) = circuit(|b| b);
    let app = as_documented(&circuit).layer(CorsLayer::permissive());
    circuit.trip();

    assert_eq!(ask(&app, request(Method::GET, "/nowhere")).status(), StatusCode::NOT_FOUND);
    let not_allowed = ask(&app, request(Method::POST, "/report"));
    assert_eq!(not_allowed.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(not_allowed.headers()[ALLOW], "GET,HEAD");
    assert_eq!(ask(&app, preflight()).status(), OK);
    let rejected = ask(&app, request(Method::GET, "/report"));
    assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rejected.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(circuit.snapshot().totals.rejected, 1);
}

/// `any` and fallbacks have no methods for `route_layer` to go around: the layer goes around the
/// handler itself.
#[test]
fn a_layer_around_a_handler_itself_counts_what_the_handler_answers() {
    let (circuit, _) = circuit(|b| b);
    let down = || async { StatusCode::BAD_GATEWAY };
    let app = Router::new()
        .route("/any", any(down.layer(breaker(&circuit))))
        .fallback(down.layer(breaker(&circuit)));

    for (method, path) in [(Method::DELETE, "/any"), (Method::GET, "/elsewhere")] {
        assert_eq!(ask(&app, request(method, path)).status(), StatusCode::BAD_GATEWAY);
    }

    assert_eq!(counted(&circuit), [0, 2, 0, 0]);
}

const OK: StatusCode = StatusCode::OK;
