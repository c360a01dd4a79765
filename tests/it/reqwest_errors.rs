//! What the errors of reqwest count as, with real servers.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use reqwest::{Body, Client};
use tower::{Layer, Service, ServiceExt};
use tower_circuit_breaker::http::{self as breaker, BODY, CONNECT, ResponseBody, STATUS, TIMEOUT};
use tower_circuit_breaker::reqwest::{self as of_reqwest, ClientErrors, HttpClient, layer};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, Classify, FailureKind, Outcome,
};

use crate::clients::{
    Ends, HALF, WHOLE, broken, closing, closing_after, endless, post, refusing, server, whole,
};
use crate::error_types::{Shed, of_reqwest};
use crate::script::kinds;
use crate::support::{circuit, rejection};

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn http_client() -> HttpClient {
    of_reqwest::client(client())
}

/// Successes, failures, ignored and not sent.
pub(crate) fn counted(circuit: &Circuit) -> [u64; 4] {
    let totals = circuit.snapshot().totals;
    [totals.successes, totals.failures, totals.ignored, totals.not_sent]
}

/// Row 22 of the counter-examples: of four callers three break their uploads. Ends early where the
/// circuit opens.
async fn break_forty_uploads<S>(client: &S, circuit: &Circuit)
where
    S: Service<Request<Body>, Response = Response<ResponseBody<Body>>> + Clone,
{
    let address = server(Ok(StatusCode::OK)).await;
    for number in 1..=40 {
        let request = post(address, Body::wrap(broken()));
        assert!(client.clone().oneshot(request).await.is_err(), "it broke");
        if circuit.state() == CircuitState::Open {
            return;
        }
        if number % 3 == 0 {
            let request = post(address, Body::wrap(whole()));
            let Ok(answer) = client.clone().oneshot(request).await else { panic!("is well") };
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "thanks");
        }
    }
}

#[tokio::test]
async fn forty_broken_uploads_leave_a_circuit_of_the_defaults_closed() {
    let (circuit, _) = circuit(|b| b);

    break_forty_uploads(&layer(circuit.clone()).layer(http_client()), &circuit).await;

    assert_eq!(counted(&circuit), [13, 0, 0, 40]);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test]
async fn without_the_layer_broken_uploads_open_the_circuit() {
    let (circuit, _) = circuit(|b| b);

    break_forty_uploads(&breaker::layer(circuit.clone()).layer(http_client()), &circuit).await;

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[tokio::test]
async fn requests_that_cannot_be_built_are_not_sent() {
    for uri in ["/rose", "ftp://nowhere.example/"] {
        let (circuit, _) = circuit(|b| b);

        let request = Request::get(uri).body(Body::default()).unwrap();
        let error = layer(circuit.clone()).layer(http_client()).oneshot(request).await;

        assert!(error.is_err(), "{uri}");
        assert_eq!(counted(&circuit), [0, 0, 0, 1], "{uri}");
    }
}

#[tokio::test]
async fn an_upstream_that_closes_or_resets_connections_fails() {
    for ends in [Ends::AtResult, Ends::Midway, Ends::Resets] {
        let address = closing(ends).await;
        let (circuit, _) = circuit(|b| b.failure_count(1_000));
        for _ in 0..20 {
            let request = post(address, Body::wrap(endless()));
            let answer = layer(circuit.clone()).layer(http_client()).oneshot(request).await;
            answer.expect_err("no answer");
        }
        assert_eq!(counted(&circuit), [0, 20, 0, 0], "{ends:?}");
    }
}

#[tokio::test]
async fn stale_pooled_connections_never_come_to_the_circuit() {
    let (address, noticed) = closing_after(WHOLE).await;
    let (circuit, _) = circuit(|b| b);
    let client = layer(circuit.clone()).layer(http_client());

    for _ in 0..10 {
        let request = Request::get(format!("http://{address}/")).body(Body::default()).unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "rose");
        noticed.notified().await;
    }

    assert_eq!(counted(&circuit), [10, 0, 0, 0]);
}

#[tokio::test]
async fn failures_have_kinds() {
    let kind = |error: reqwest::Error| match ClientErrors::new()
        .classify(&Err::<Response<()>, _>(error))
    {
        Outcome::Failure(kind) => Some(kind),
        outcome => {
            assert_eq!(outcome, Outcome::NotSent);
            None
        }
    };
    let (_held, nobody) = refusing();
    let refused = client().get(format!("http://{nobody}/")).send().await.unwrap_err();
    let hung = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hung_at = format!("http://{}/", hung.local_addr().unwrap());
    let hurried = Client::builder().no_proxy().timeout(Duration::from_millis(1)).build().unwrap();
    let timed_out = hurried.get(hung_at).send().await;
    let (half, _) = closing_after(HALF).await;
    let half = client().get(format!("http://{half}/")).send().await.unwrap().bytes().await;
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let rejected = rejection(&circuit);

    assert_eq!(kind(refused), Some(CONNECT));
    assert_eq!(kind(of_reqwest(Shed.into()).await), Some(CONNECT));
    assert_eq!(kind(of_reqwest(rejected.into()).await), None, "it was not even tried");
    assert_eq!(kind(timed_out.unwrap_err()), Some(TIMEOUT));
    assert_eq!(kind(half.unwrap_err()), Some(BODY));
}

#[tokio::test]
async fn it_knows_them_whatever_else_is_a_failure() {
    let address = server(Ok(StatusCode::OK)).await;
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let fails = |_: &reqwest::Result<Response<Body>>| true;
    let client = layer(circuit.clone()).failure_if(fails).layer(http_client());

    assert!(client.clone().oneshot(post(address, Body::wrap(broken()))).await.is_err());
    assert!(client.oneshot(post(address, Body::wrap(whole()))).await.is_ok());

    assert_eq!(counted(&circuit), [0, 1, 0, 1]);
    assert_eq!(*kinds.lock().unwrap(), [FailureKind::OTHER]);
}

#[tokio::test]
async fn the_client_itself_can_be_guarded() {
    let address = server(Ok(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let by_status = |result: &reqwest::Result<reqwest::Response>| match result {
        Ok(response) if response.status().is_server_error() => Outcome::Failure(STATUS),
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure(FailureKind::OTHER),
    };
    let (circuit, _) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit.clone());
    let client = layer.classify_with(ClientErrors::around(by_status)).layer(client());

    let broke = post(address, Body::wrap(broken())).try_into().unwrap();
    assert!(client.clone().oneshot(broke).await.is_err());
    let well = post(address, Body::wrap(whole())).try_into().unwrap();
    assert_eq!(client.oneshot(well).await.unwrap().status(), 500);

    assert_eq!(counted(&circuit), [0, 1, 0, 1]);
}
