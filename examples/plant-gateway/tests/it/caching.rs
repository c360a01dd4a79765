//! A cache in front of the circuit, and one call where ten ask the same.

use std::sync::Arc;

use reqwest::StatusCode;

use crate::support::{Gateway, eventually};

#[tokio::test]
async fn a_hit_touches_neither_circuit_nor_upstream() {
    let gateway = Gateway::start(&[]).await;
    assert_eq!(gateway.send("a rose").await.status(), StatusCode::OK);
    gateway.plant_id.become_("unavailable").await;
    gateway.plantnet.become_("unavailable").await;
    for _ in 0..5 {
        gateway.identify().await;
    }
    let before = gateway.circuit("plant_id_api").await;
    assert_eq!(before["state"], "open");

    let hit = gateway.send("a rose").await;
    let other = gateway.send("another").await;

    assert_eq!(hit.status(), StatusCode::OK);
    assert_eq!(hit.json::<serde_json::Value>().await.unwrap()["degraded"], false);
    assert_eq!(other.status(), StatusCode::SERVICE_UNAVAILABLE);
    let after = gateway.circuit("plant_id_api").await;
    let rejected = |circuit: &serde_json::Value| circuit["totals"]["rejected"].as_u64().unwrap();
    assert_eq!(rejected(&after), rejected(&before) + 1, "the other one alone");
}

#[tokio::test]
async fn ten_equal_requests_at_once_are_one_call() {
    let gateway = Arc::new(Gateway::start(&[]).await);
    gateway.plant_id.become_("slow").await;

    let ten: Vec<_> = (0..10)
        .map(|_| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { gateway.send("a rose").await.status() })
        })
        .collect();
    for one in ten {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }

    assert_eq!(gateway.plant_id.pictures().await, 1);
    assert_eq!(gateway.plantnet.pictures().await, 1);
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_waste_the_call() {
    let gateway = Arc::new(Gateway::start(&[]).await);
    gateway.plant_id.become_("slow").await;
    let asker = Arc::clone(&gateway);
    let leaving = tokio::spawn(async move { asker.send("a rose").await });
    eventually("the call is under way", async || {
        (gateway.plant_id.pictures().await == 1).then_some(())
    })
    .await;

    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());

    assert_eq!(gateway.send("a rose").await.status(), StatusCode::OK);
    assert_eq!(gateway.plant_id.pictures().await, 1);
    assert_eq!(gateway.circuit("plant_id_api").await["totals"]["abandoned"], 0);
}

#[tokio::test]
async fn other_options_are_another_question() {
    let gateway = Gateway::start(&[]).await;
    let url = format!("{}/api/v1/identify", gateway.url);
    for organ in ["leaf", "flower", "leaf"] {
        let request = crate::support::client().post(&url).query(&[("organ", organ)]);
        let request = request.header("content-type", "image/png").body("a rose");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }

    assert_eq!(gateway.plant_id.pictures().await, 2);
}
