//! Reqwest's client as a tower service, with a real server.

use std::time::Duration;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use reqwest::{Body, Client};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::http::service_unavailable;
use tower_circuit_breaker::reqwest::{self as breaker, HttpClient, into_response, url};
use tower_circuit_breaker::{CircuitState, Error, Rejected};

use crate::clients::{HALF, closing_after};
use crate::reqwest_errors::counted;
use crate::support::circuit;

fn reqwest() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// Redirects `/old` to `/new`, and answers there.
async fn garden() -> String {
    let app = Router::new()
        .route("/old", get(|| async { Redirect::to("/new?from=old") }))
        .route("/new", get(|| async { "a rose" }))
        .route("/echo", post(|text: String| async move { text }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

fn call(url: &str) -> Request<Body> {
    Request::get(url).body(Body::default()).unwrap()
}

#[tokio::test]
async fn the_final_url_is_read_and_given_back_to_reqwest() {
    let garden = garden().await;
    let (circuit, _) = circuit(|b| b);
    let client = breaker::layer(circuit.clone()).layer(breaker::client(reqwest()));

    let response = client.oneshot(call(&format!("{garden}/old"))).await.unwrap();

    let landed = format!("{garden}/new?from=old");
    assert_eq!(url(&response).unwrap().as_str(), landed);
    let response = into_response(response);
    assert_eq!((response.status(), response.url().as_str()), (StatusCode::OK, &*landed));
    assert_eq!(counted(&circuit), [0, 0, 0, 0], "the body is still to come");
    assert_eq!(response.text().await.unwrap(), "a rose");
    assert_eq!(counted(&circuit), [1, 0, 0, 0]);
}

/// Without the service, what reqwest's own conversions leave of a URL.
#[tokio::test]
async fn the_conversions_of_reqwest_alone_lose_the_url() {
    let garden = garden().await;

    let response = reqwest().get(format!("{garden}/old")).send().await.unwrap();
    let back = reqwest::Response::from(Response::<Body>::from(response));

    assert_eq!(back.url().as_str(), "http://no.url.provided.local/");
}

#[tokio::test]
async fn what_the_builder_of_reqwest_makes_is_a_request() {
    let garden = garden().await;
    let (circuit, _) = circuit(|b| b);
    let client = ServiceBuilder::new()
        .map_response(into_response)
        .layer(breaker::layer(circuit.clone()))
        .service(breaker::client(reqwest()));

    let echo = reqwest().post(format!("{garden}/echo")).body("hello").build().unwrap();
    let response = client.clone().oneshot(echo.try_into().unwrap()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    let broken = reqwest().get(format!("{garden}/broken")).build().unwrap();
    let response = client.oneshot(broken.try_into().unwrap()).await.unwrap();

    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::BAD_GATEWAY));
    assert_eq!(error.url().unwrap().as_str(), format!("{garden}/broken"));
    assert_eq!(counted(&circuit), [1, 1, 0, 0]);
}

#[tokio::test]
async fn the_timeout_of_a_request_holds() {
    let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}/", hung.local_addr().unwrap());
    let call = reqwest().get(at).timeout(Duration::from_millis(1)).build().unwrap();

    let error = breaker::client(reqwest()).oneshot(call.try_into().unwrap()).await.unwrap_err();

    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_request_that_reqwest_does_not_take_is_an_error_of_the_call() {
    let mut client = breaker::client(reqwest());

    let error = client.ready().await.unwrap().call(call("/no/host")).await.unwrap_err();

    assert!(error.is_builder(), "{error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_after_the_way_back_is_a_failure() {
    let (half, _) = closing_after(HALF).await;
    let (circuit, _) = circuit(|b| b);
    let client = breaker::layer(circuit.clone()).layer(breaker::client(reqwest()));

    let response = client.oneshot(call(&format!("http://{half}/"))).await.unwrap();
    let read = into_response(response).bytes().await;

    assert!(read.is_err());
    assert_eq!(counted(&circuit), [0, 1, 0, 0]);
}

#[tokio::test]
async fn an_open_circuit_rejects_and_a_rejection_has_no_url() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let typed = breaker::layer(circuit.clone()).layer(breaker::client(reqwest()));
    let answering = breaker::layer(circuit.clone())
        .respond_with(service_unavailable)
        .layer(breaker::client(reqwest()));

    let error = typed.oneshot(call("http://nowhere.example/")).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    let response = answering.oneshot(call("http://nowhere.example/")).await.unwrap();

    assert_eq!(url(&response), None);
    assert!(response.extensions().get::<Rejected>().is_some());
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "");
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn the_client_is_the_one_that_was_given() {
    let mut client: HttpClient = breaker::client(reqwest());

    let before = format!("{:?}", client.get_ref());
    assert_eq!(format!("{:?}", client.get_mut()), before);
    assert!(format!("{client:?}").starts_with("HttpClient {"), "{client:?}");
    assert_eq!(format!("{:?}", client.into_inner()), before);
}
