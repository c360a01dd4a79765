//! What people and probes are told, and the figures of dashboards.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Gateway, SOON, client};

async fn health(gateway: &Gateway) -> Value {
    gateway.get("/api/v1/health").await.json().await.unwrap()
}

#[tokio::test]
async fn health_has_the_circuits_by_name_and_a_message() {
    let gateway = Gateway::start(&[]).await;
    let before = health(&gateway).await;
    gateway.plant_id.become_("unavailable").await;
    for _ in 0..2 {
        gateway.identify().await;
    }
    let failing = health(&gateway).await;
    gateway.identify().await;
    let after = health(&gateway).await;

    assert_eq!(before["status"], "healthy");
    assert!(before["message"].is_string(), "{before}");
    assert_eq!(failing["circuit_breakers"]["plant_id"]["fail_count"], 2);
    assert_eq!(after["circuit_breakers"]["plant_id"]["state"], "open");
    assert_eq!(after["circuit_breakers"]["plantnet"]["state"], "closed");
    assert_ne!(after["message"], before["message"]);
    // Probes go by the process: no circuit is critical.
    for path in ["/livez", "/readyz"] {
        assert_eq!(gateway.get(path).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn quotas_count_the_calls_that_were_sent() {
    let gateway = Gateway::start(&[("PLANTNET_QUOTA", "2")]).await;
    for _ in 0..3 {
        gateway.identify().await;
    }
    gateway.send("a rose").await;
    gateway.send("a rose").await;

    let quota = &health(&gateway).await["quota"];

    let [paid, free] = [&quota["plant_id"], &quota["plantnet"]];
    assert_eq!([&paid["limit"], &paid["used"], &paid["left"]], [100, 4, 96]);
    assert_eq!([&free["limit"], &free["used"], &free["left"]], [2, 4, 0]);
    let until = free["until"].as_str().unwrap();
    assert!(until.ends_with("T00:00:00Z"), "midnight in UTC: {until}");
    assert!(paid["until"].as_str().unwrap().ends_with("-01T00:00:00Z"), "{paid}");
}

#[tokio::test]
async fn figures_of_cache_and_callers_are_in_health_and_metrics() {
    let gateway = Gateway::start(&[("APP_ENV", "production"), ("ADMIN_TOKEN", TOKEN)]).await;
    for _ in 0..2 {
        gateway.send("a rose").await;
    }
    let old = client().post(format!("{}/api/identify", gateway.url));
    old.header("x-api-key", "key").header("content-type", "image/jpeg").send().await.unwrap();
    let stranger = client().post(format!("{}/api/v1/identify", gateway.url)).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);

    let figures = health(&gateway).await["figures"].clone();
    let metrics = client().get(format!("{}/metrics", gateway.url)).bearer_auth(TOKEN);
    let metrics = metrics.send().await.unwrap().text().await.unwrap();

    for (name, expected) in [
        ("requests", json!(4)),
        ("cache_hit_rate", json!(0.5)),
        ("duplicate_calls_saved", json!(0)),
        ("unauthorized_rate", json!(0.25)),
        ("old_path_rate", json!(0.25)),
    ] {
        assert_eq!(figures[name], expected, "{name}: {figures}");
    }
    for line in [
        "plant_gateway_cache_hits_total 2\n",
        "plant_gateway_cache_misses_total 2\n",
        "plant_gateway_unauthorized_total 1\n",
        "plant_gateway_old_path_requests_total 1\n",
        "circuit_breaker_state{name=\"plant_id_api\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn the_share_of_time_open_grows_while_a_circuit_is_and_stays() {
    let gateway = Gateway::start(&SOON).await;
    let share = async || {
        let health = health(&gateway).await;
        health["circuit_breakers"]["plant_id"]["share_of_time_open"].as_f64().unwrap()
    };
    assert!(share().await.abs() < f64::EPSILON);
    gateway.plant_id.become_("unavailable").await;
    for _ in 0..3 {
        gateway.identify().await;
    }
    gateway.open_time_is_over("plant_id_api").await;
    let open = share().await;
    gateway.plant_id.become_("well").await;
    for _ in 0..2 {
        gateway.identify().await;
    }

    assert!(open > 0.0 && open < 1.0, "{open}");
    assert!(share().await > 0.0);
}

const TOKEN: &str = "a-token-of-twenty-four-or-more";
