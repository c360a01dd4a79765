//! The traps of HTTP: answers that are no word of the upstream, and verdicts in the wrong place.

use std::convert::Infallible;

use axum::routing::post;
use axum::{Json, Router};
use futures_util::FutureExt;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{
    ClassifyHttp, ServerErrorsAsFailures, StatusInRangeAsFailures, grpc_layer, layer,
    service_unavailable,
};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState, TokioClock};
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;

use super::circuit_of;
use crate::half_open::probing;
use crate::routers::{as_documented, ask, breaker, down, preflight, request};
use crate::script::{
    FAILURE, IGNORED, NOTHING, SUCCESS, Script, Step, counted, read, response, totals,
};
use crate::statuses::{self, headers, with_headers};
use crate::support::{SECOND, circuit, ready_to_probe};

#[test]
fn routers_own_answers_inside_close_a_circuit_whose_upstream_is_down() {
    type Make = fn(&Circuit) -> Router;
    let around_the_router: Make = |circuit| route().layer(breaker(circuit));
    let around_its_routes: Make = |circuit| route().route_layer(breaker(circuit));
    let around_cors: Make =
        |circuit| route().layer(CorsLayer::permissive()).route_layer(breaker(circuit));
    let not_found = || request(Method::GET, "/nowhere");
    let not_allowed = || request(Method::POST, "/report");
    for (make, request) in [
        (around_the_router, not_found()),
        (around_the_router, not_allowed()),
        (around_its_routes, not_allowed()),
        (around_cors, preflight()),
    ] {
        let shown = format!("{} {}", request.method(), request.uri());
        let (circuit, clock) = circuit(|b| b);
        ready_to_probe(&circuit, &clock);

        ask(&make(&circuit), request);

        assert_eq!(circuit.state(), CircuitState::Closed, "{shown}: nobody was asked");
    }

    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let app = as_documented(&circuit).layer(CorsLayer::permissive());
    for request in [not_found(), not_allowed(), preflight()] {
        ask(&app, request);
    }
    assert_ne!(circuit.state(), CircuitState::Closed);
    assert_eq!(counted(&circuit), NOTHING);
}

fn route() -> Router {
    Router::new().route("/report", down())
}

#[test]
fn cors_inside_a_page_cannot_read_why_it_is_rejected() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let inside = route().layer(CorsLayer::permissive()).layer(breaker(&circuit));
    let outside = as_documented(&circuit).layer(CorsLayer::permissive());
    let is_readable = |app| {
        let [asked, called] =
            [preflight(), request(Method::GET, "/report")].map(|request| ask(app, request));
        let named = "access-control-allow-origin";
        (asked.status() == StatusCode::OK, called.headers().contains_key(named))
    };

    assert_eq!(is_readable(&inside), (false, false));
    assert_eq!(is_readable(&outside), (true, true));
}

/// The state of a circuit of three failures in a row after these answers.
fn after<C>(classify: impl Fn() -> C, statuses: &[u16]) -> CircuitState
where
    C: ClassifyHttp<Script, Infallible>,
{
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    for status in statuses {
        if circuit.state() == CircuitState::Closed {
            statuses::ask(&circuit, classify(), response(*status, Script::default()));
        }
    }
    circuit.state()
}

#[test]
fn statuses_of_others_hide_an_upstream_that_is_down_and_ignored_they_do_not() {
    // Each third caller has no valid token, and a gateway before the upstream says so.
    let answers = [502, 502, 401].repeat(10);

    assert_eq!(after(ServerErrorsAsFailures::new, &answers), CircuitState::Closed);
    let ignoring = || ServerErrorsAsFailures::new().ignoring_status(401..=403);
    assert_eq!(after(ignoring, &answers), CircuitState::Open);
}

#[test]
fn statuses_that_blame_the_caller_open_the_circuit_for_all_and_ignored_they_do_not() {
    let all_errors = || StatusInRangeAsFailures::new(400..=599);

    assert_eq!(after(all_errors, &[404; 3]), CircuitState::Open);
    let ignoring = || all_errors().ignoring_status(400..=404);
    assert_eq!(after(ignoring, &[404; 10]), CircuitState::Closed);
    assert_eq!(after(ignoring, &[502; 3]), CircuitState::Open);
}

#[test]
fn statuses_429_are_successes_unless_they_are_heeded() {
    let heeding = || ServerErrorsAsFailures::new().heed_retry_after();
    let asks =
        || with_headers(response(429, Script::default()), &headers([("retry-after", "120")]));

    assert_eq!(after(ServerErrorsAsFailures::new, &[429; 10]), CircuitState::Closed);
    assert_eq!(after(heeding, &[429; 3]), CircuitState::Open);
    assert_eq!(statuses::open_for(ServerErrorsAsFailures::new(), asks()), None);
    assert_eq!(statuses::open_for(heeding(), asks()), Some(120 * SECOND));
}

#[test]
fn statuses_of_a_handler_that_asks_nobody_are_successes_unless_ignored() {
    async fn takes_json(_: Json<Value>) {}
    let bad = || {
        let mut request = request(Method::POST, "/");
        request.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
        request
    };
    let (around, ignoring, of_the_call) = (circuit(|b| b).0, circuit(|b| b).0, circuit(|b| b).0);
    let inside = of_the_call.clone();
    let by_call = move |_: Json<Value>| async move { inside.call(takes_no_time()).await.is_ok() };
    let handlers = [
        post(takes_json).route_layer(breaker(&around)),
        post(takes_json).route_layer(breaker(&ignoring).ignoring_status(400..=499)),
        post(|it: Json<Value>| async { Json(by_call(it).await) }),
    ];

    for handler in handlers {
        let answer = ask(&Router::new().route("/", handler), bad());
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "it has no body");
    }

    assert_eq!(counted(&around), SUCCESS);
    assert_eq!(counted(&ignoring), IGNORED);
    assert_eq!(counted(&of_the_call), NOTHING);
}

async fn takes_no_time() -> Result<(), Infallible> {
    Ok(())
}

#[test]
fn http_layer_around_grpc_takes_each_failure_for_a_success() {
    let unavailable = || {
        let trailers = headers([("grpc-status", "14")]);
        response(200, Script::new([Step::Data("message"), Step::Trailers(trailers)]))
    };
    let (by_http, _) = circuit(|b| b.consecutive_failures(3));
    let (by_grpc, _) = circuit(|b| b.consecutive_failures(3));
    let upstream =
        || service_fn(move |_: Request<()>| async move { Ok::<_, BoxError>(unavailable()) });
    let http = layer(by_http.clone()).layer(upstream());
    let grpc = grpc_layer(by_grpc.clone()).layer(upstream());

    for _ in 0..3 {
        let answer = http.clone().oneshot(Request::new(())).now_or_never().unwrap();
        read(&mut answer.unwrap().into_body());
        let answer = grpc.clone().oneshot(Request::new(())).now_or_never().unwrap();
        read(&mut answer.unwrap().into_body());
    }

    assert_eq!((by_http.state(), counted(&by_http)), (CircuitState::Closed, [3, 0, 0, 0]));
    assert_eq!((by_grpc.state(), counted(&by_grpc)), (CircuitState::Open, [0, 3, 0, 0]));
}

#[test]
fn load_shed_and_ignored_closes_a_circuit_whose_upstream_hangs_and_not_sent_it_does_not() {
    let full = || {
        let hung = service_fn(|(): ()| std::future::pending::<Result<(), Infallible>>());
        LoadShed::new(ConcurrencyLimit::new(hung, 0))
    };
    let (ignores, _) = probing(|b| b);
    let (knows, _) = probing(|b| b);
    let ignoring = CircuitBreakerLayer::new(ignores.clone()).ignoring::<Overloaded>().layer(full());
    let not_sent = CircuitBreakerLayer::new(knows.clone()).not_sent::<Overloaded>().layer(full());

    for probe in 1..=16 {
        assert_ne!(ignores.state(), CircuitState::Closed, "before {probe}");
        assert!(ignoring.clone().oneshot(()).now_or_never().unwrap().is_err(), "{probe} is shed");
    }
    for probe in 1..=100 {
        assert!(not_sent.clone().oneshot(()).now_or_never().unwrap().is_err(), "{probe} is shed");
    }

    assert_eq!((ignores.state(), counted(&ignores)), (CircuitState::Closed, [0, 0, 16, 0]));
    assert_eq!((knows.state(), counted(&knows)), (CircuitState::HalfOpen, NOTHING));
    assert_eq!(totals(&knows).not_sent, 100);
}

#[test]
fn a_rejection_that_an_inner_circuit_answers_is_an_answer_to_a_plain_layer() {
    let open = circuit(|b| b).0;
    open.force_open();
    let inner = || {
        let upstream = service_fn(async |_: Request<()>| Ok(response(200, Script::default())));
        layer(open.clone()).respond_with(service_unavailable).layer(upstream)
    };
    let [plain, by_status, http] = [(); 3].map(|()| probing(|b| b).0);
    let is_5xx = |result: &Result<Response<_>, Infallible>| {
        result.as_ref().is_ok_and(|response| response.status().is_server_error())
    };

    let around = CircuitBreakerLayer::new(plain.clone()).layer(inner());
    assert!(around.oneshot(Request::new(())).now_or_never().unwrap().is_ok());
    let around = CircuitBreakerLayer::new(by_status.clone()).failure_if(is_5xx).layer(inner());
    assert!(around.oneshot(Request::new(())).now_or_never().unwrap().is_ok());
    let around = layer(http.clone()).layer(inner());
    assert!(around.oneshot(Request::new(())).now_or_never().unwrap().is_ok());

    assert_eq!((plain.state(), counted(&plain)), (CircuitState::Closed, SUCCESS));
    assert_eq!((by_status.state(), counted(&by_status)), (CircuitState::Open, FAILURE));
    assert_eq!((http.state(), counted(&http)), (CircuitState::HalfOpen, NOTHING));
    assert_eq!(totals(&http).not_sent, 1);
}

/// An upstream that takes calls and never answers.
async fn hangs(_: Request<()>) -> Result<Response<Script>, BoxError> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn timeout_that_answers_408_inside_is_a_success_and_504_a_failure() {
    let timeout = |status| TimeoutLayer::with_status_code(status, 5 * SECOND);
    let by_408 = circuit_of(3);
    let by_504 = circuit_of(3);
    let outside = circuit_of(3);
    let hung = || service_fn(hangs);
    let stack_408 = layer(by_408.clone()).layer(timeout(StatusCode::REQUEST_TIMEOUT).layer(hung()));
    let stack_504 = layer(by_504.clone()).layer(timeout(StatusCode::GATEWAY_TIMEOUT).layer(hung()));
    let stack_outside =
        timeout(StatusCode::GATEWAY_TIMEOUT).layer(layer(outside.clone()).layer(hung()));

    for _ in 0..3 {
        let answer = stack_408.clone().oneshot(Request::new(())).await.unwrap();
        read(&mut answer.into_body());
        let answer = stack_504.clone().oneshot(Request::new(())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        let answer = stack_outside.clone().oneshot(Request::new(())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    }

    assert_eq!((by_408.state(), counted(&by_408)), (CircuitState::Closed, [3, 0, 0, 0]));
    assert_eq!((by_504.state(), counted(&by_504)), (CircuitState::Open, [0, 3, 0, 0]));
    assert_eq!((outside.state(), counted(&outside)), (CircuitState::Closed, [0, 0, 0, 3]));
}

#[tokio::test(start_paused = true)]
async fn timeout_that_answers_outside_drops_the_call_which_counts_where_late_drops_do() {
    let late = Circuit::builder("api")
        .consecutive_failures(3)
        .abandoned_after(4 * SECOND)
        .clock(TokioClock::new())
        .build();
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, 5 * SECOND);
    let stack = timeout.layer(layer(late.clone()).layer(service_fn(hangs)));

    for _ in 0..3 {
        let answer = stack.clone().oneshot(Request::new(())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    }

    assert_eq!((late.state(), counted(&late)), (CircuitState::Open, [0, 3, 0, 0]));
}
