//! What callers get while an upstream is ill, and what opens which circuit.

use reqwest::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{Gateway, SOON};

#[tokio::test]
async fn both_answers_become_one() {
    let gateway = Gateway::start(&[]).await;

    let (status, answer) = gateway.identify().await;

    assert_eq!(status, StatusCode::OK);
    let rose = json!({ "name": "Rosa canina", "score": 0.93, "sources": ["plant-id", "plantnet"] });
    assert_eq!(answer["plants"][0], rose);
    assert_eq!(answer["plants"].as_array().unwrap().len(), 3);
    assert_eq!((&answer["degraded"], &answer["missing"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn circuits_are_set_as_the_house_has_them_unless_the_environment_says_otherwise() {
    let unset = [("PLANT_ID_CIRCUIT_RESET_TIMEOUT", ""), ("PLANTNET_CIRCUIT_RESET_TIMEOUT", "")];
    let house = Gateway::start(&unset).await;
    let other = [
        ("PLANT_ID_CIRCUIT_FAIL_MAX", "4"),
        ("PLANT_ID_CIRCUIT_RESET_TIMEOUT", "0.5"),
        ("PLANT_ID_CIRCUIT_SUCCESS_THRESHOLD", "1"),
    ];
    let other = Gateway::start(&other).await;

    for (gateway, circuit, failures, open_for, probes) in [
        (&house, "plant_id_api", 3, "1m", 2),
        (&house, "plantnet_api", 5, "30s", 2),
        (&other, "plant_id_api", 4, "500ms", 1),
    ] {
        let circuit = gateway.circuit(circuit).await;
        assert_eq!(circuit["thresholds"]["consecutive_failures"], failures, "{circuit}");
        assert_eq!(circuit["config"]["open_for"], open_for, "{circuit}");
        assert_eq!(circuit["config"]["probes"], probes, "{circuit}");
    }
    let about = house.get("/circuits/summary").await.json::<serde_json::Value>().await.unwrap();
    assert_eq!(about["about"]["service"], "plant-gateway");
}

#[tokio::test]
async fn three_failures_leave_the_answer_to_the_other_upstream() {
    let gateway = Gateway::start(&[]).await;
    gateway.plant_id.become_("unavailable").await;

    for _ in 0..3 {
        let (status, answer) = gateway.identify().await;
        assert_eq!((status, &answer["degraded"]), (StatusCode::OK, &json!(true)));
        assert_eq!(answer["missing"][0]["why"], "it answered 503 Service Unavailable");
    }
    let (status, answer) = gateway.identify().await;
    let health = gateway.get("/api/v1/health").await;

    assert_eq!((status, &answer["degraded"]), (StatusCode::OK, &json!(true)));
    assert_eq!(answer["missing"][0]["source"], "plant-id");
    assert!(answer["missing"][0]["retry_after_seconds"].is_number(), "{answer}");
    assert_eq!(answer["plants"][0]["sources"], json!(["plantnet"]));
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.json::<serde_json::Value>().await.unwrap()["status"], "degraded");
}

#[tokio::test]
async fn two_successes_after_the_open_time_bring_an_upstream_back() {
    let gateway = Gateway::start(&SOON).await;
    gateway.plant_id.become_("unavailable").await;
    for _ in 0..3 {
        gateway.identify().await;
    }
    assert_eq!(gateway.circuit("plant_id_api").await["state"], "open");
    gateway.plant_id.become_("well").await;

    gateway.open_time_is_over("plant_id_api").await;
    for expected in ["half_open", "closed"] {
        let (_, answer) = gateway.identify().await;
        assert_eq!(answer["degraded"], false, "{answer}");
        assert_eq!(gateway.circuit("plant_id_api").await["state"], expected);
    }
}

#[tokio::test]
async fn both_open_is_503_with_the_smaller_time_left() {
    let times =
        [("PLANT_ID_CIRCUIT_RESET_TIMEOUT", "600"), ("PLANTNET_CIRCUIT_RESET_TIMEOUT", "50")];
    let gateway = Gateway::start(&times).await;
    gateway.plant_id.become_("unavailable").await;
    gateway.plantnet.become_("babbling").await;
    for _ in 0..5 {
        assert_eq!(gateway.identify().await.0, StatusCode::BAD_GATEWAY);
    }

    let answer = gateway.send("one more").await;
    let health = gateway.get("/api/v1/health").await;

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=50).contains(&seconds), "the smaller one is at most 50 s, but got {seconds}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["success"], false);
    let error = "temporarily unavailable. Please try again in a few moments.";
    assert!(body["error"].as_str().unwrap().ends_with(error), "{body}");
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.json::<serde_json::Value>().await.unwrap()["status"], "unhealthy");
}

#[tokio::test]
async fn a_picture_that_is_refused_says_nothing_about_the_upstream() {
    let gateway = Gateway::start(&[]).await;
    gateway.plant_id.become_("refusing").await;
    gateway.plantnet.become_("refusing").await;

    for _ in 0..6 {
        assert_eq!(gateway.identify().await.0, StatusCode::BAD_REQUEST);
    }

    for name in ["plant_id_api", "plantnet_api"] {
        let circuit = gateway.circuit(name).await;
        assert_eq!(
            (&circuit["state"], &circuit["totals"]["ignored"]),
            (&json!("closed"), &json!(6))
        );
    }
}

#[tokio::test]
async fn a_429_opens_at_once_for_as_long_as_it_asks_or_else_five_minutes() {
    let gateway = Gateway::start(&[]).await;
    gateway.plant_id.become_("throttling").await;
    gateway.plantnet.become_("throttling-silently").await;

    gateway.identify().await;

    for (name, seconds) in [("plant_id_api", 2.0), ("plantnet_api", 300.0)] {
        let circuit = gateway.circuit(name).await;
        assert_eq!(circuit["state"], "open", "{name}");
        assert_eq!(circuit["last_trip"]["open_for"], seconds, "{name}: {circuit}");
    }
}

#[tokio::test]
async fn three_refused_connections_open_and_ten_time_outs_do() {
    // Nobody listens there.
    let env = [("PLANT_ID_URL", "http://127.0.0.1:9"), ("PLANTNET_TIMEOUT", "0.2")];
    let gateway = Gateway::start(&env).await;
    gateway.plantnet.become_("hanging").await;

    let mut states = Vec::new();
    for _ in 0..12 {
        gateway.identify().await;
        let [plant_id, plantnet] =
            [gateway.circuit("plant_id_api").await, gateway.circuit("plantnet_api").await];
        states.push([plant_id, plantnet].map(|circuit| circuit["totals"]["trips"] == 1));
    }

    assert_eq!(states[1..3], [[false, false], [true, false]], "three connections");
    assert_eq!(states[8..10], [[true, false], [true, true]], "ten time-outs");
}

#[tokio::test]
async fn after_the_trip_a_failing_call_costs_a_twentieth_of_the_upstreams_delay_at_most() {
    let hung = [("PLANT_ID_TIMEOUT", "0.2"), ("PLANTNET_TIMEOUT", "0.2")];
    let gateway = Gateway::start(&hung).await;
    gateway.plant_id.become_("hanging").await;
    gateway.plantnet.become_("hanging").await;

    let (mut before, mut after) = (Vec::new(), Vec::new());
    for call in 0..60 {
        let start = Instant::now();
        let (status, _) = gateway.identify().await;
        let took = start.elapsed();
        match status {
            StatusCode::BAD_GATEWAY => before.push(took),
            _ => after.push(took),
        }
        assert_eq!(status == StatusCode::BAD_GATEWAY, call < 10, "{status} to call {call}");
    }

    // The best of fifty: a machine that is busy makes others longer.
    let (delay, cost) = (before.iter().min().unwrap(), after.iter().min().unwrap());
    println!("a failing call: before the trip {delay:?}, after it {cost:?}");
    assert!(*cost * 20 < *delay, "{cost:?} after the trip, {delay:?} before it");
}

#[tokio::test]
async fn users_are_told_what_their_answer_lacks() {
    let gateway = Gateway::start(&[]).await;
    let (_, whole) = gateway.identify().await;
    assert_eq!((&whole["note"], &whole["missing_features"]), (&json!(null), &json!([])));

    gateway.plant_id.become_("unavailable").await;
    let (_, without_paid) = gateway.identify().await;
    gateway.plant_id.become_("well").await;
    gateway.plantnet.become_("unavailable").await;
    let (_, without_free) = gateway.identify().await;

    assert_eq!(without_paid["note"], "Limited identification data available");
    assert_eq!(without_paid["missing_features"], json!(["disease detection"]));
    assert_eq!(without_free["note"], json!(null));
    let lacking = json!(["family and genus", "care instructions"]);
    assert_eq!(without_free["missing_features"], lacking);
}
