//! What a webhook is told.

use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Gateway, SOON};

/// A webhook, and what it is told.
async fn webhook() -> (String, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (told, alerts) = mpsc::unbounded_channel();
    let take = post(async move |Json(alert): Json<Value>| {
        told.send(alert).unwrap();
        StatusCode::NO_CONTENT
    });
    tokio::spawn(axum::serve(listener, Router::new().route("/", take)).into_future());
    (url, alerts)
}

/// The next alert, as its kind and the circuit; its text is for people.
async fn next(alerts: &mut mpsc::UnboundedReceiver<Value>) -> [String; 2] {
    let alert = timeout(Duration::from_secs(30), alerts.recv()).await;
    let alert = alert.expect("an alert comes").unwrap();
    let text = match (alert["alert"].as_str().unwrap(), alert["circuit"].as_str().unwrap()) {
        ("open", "plantnet_api") => "circuit plantnet_api opened: 5 failures in a row",
        ("open", _) => "circuit plant_id_api opened: 3 failures in a row",
        ("still_open", _) => "circuit plantnet_api has not been closed for 500ms",
        _ => "circuit plant_id_api opened 3 times within 600s",
    };
    assert_eq!(alert["text"], text);
    ["alert", "circuit"].map(|name| alert[name].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_open_circuit_is_told_at_once_and_again_when_it_stays() {
    let (url, mut alerts) = webhook().await;
    let env = [("ALERT_WEBHOOK_URL", &*url), ("ALERT_WHEN_OPEN_FOR", "0.5")];
    let gateway = Gateway::start(&env).await;
    gateway.plantnet.become_("unavailable").await;

    for _ in 0..5 {
        gateway.identify().await;
    }

    assert_eq!(next(&mut alerts).await, ["open", "plantnet_api"]);
    assert_eq!(next(&mut alerts).await, ["still_open", "plantnet_api"]);
}

#[tokio::test]
async fn the_third_time_is_flapping() {
    let (url, mut alerts) = webhook().await;
    let gateway = Gateway::start(&[("ALERT_WEBHOOK_URL", &*url), SOON[0]]).await;

    for _ in 0..3 {
        gateway.plant_id.become_("unavailable").await;
        for _ in 0..3 {
            gateway.identify().await;
        }
        gateway.plant_id.become_("well").await;
        gateway.open_time_is_over("plant_id_api").await;
        for _ in 0..2 {
            gateway.identify().await;
        }
        assert_eq!(gateway.circuit("plant_id_api").await["state"], "closed");
    }

    for alert in ["open", "open", "open", "flapping"] {
        assert_eq!(next(&mut alerts).await, [alert, "plant_id_api"]);
    }
}
