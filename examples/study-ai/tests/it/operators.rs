//! What operators see.

use serde_json::{Value, json};

use crate::support::{App, IMAGE, TOPIC, program};

#[tokio::test]
async fn figures_of_a_service_add_up() {
    let app = App::start(&[]).await;
    app.ask("/api/image2topic", IMAGE).await;
    app.make("vision", "unavailable").await;
    for _ in 0..2 {
        app.ask("/api/image2topic", IMAGE).await;
    }

    let two = app.figures("vision").await;
    for _ in 0..2 {
        app.ask("/api/image2topic", IMAGE).await;
    }
    let open = app.figures("vision").await;

    assert_eq!((&two["failure_count"], &two["failure_threshold"]), (&json!(2), &json!(3)));
    assert_eq!((&two["is_healthy"], &two["last_change"]), (&json!(true), &Value::Null));
    for (name, expected) in [
        ("state", json!("open")),
        ("total_calls", json!(5)),
        ("successful_calls", json!(1)),
        ("failed_calls", json!(3)),
        ("rejected_calls", json!(1)),
        ("success_rate", json!(0.25)),
        ("failure_rate", json!(0.75)),
        ("rejection_rate", json!(0.2)),
        ("failure_count", json!(0)),
        ("is_healthy", json!(false)),
        ("is_degraded", json!(false)),
        ("is_failing", json!(true)),
    ] {
        assert_eq!(open[name], expected, "{name} of {open}");
    }
    assert_eq!(open["transitions"]["closed_to_open"], 1);
    assert_eq!(open["last_change"]["what"]["to"], "open");
    assert!(open["uptime_seconds"].is_number(), "{open}");
}

#[tokio::test]
async fn health_is_503_as_soon_as_one_service_is_not_well() {
    let app = App::start(&[]).await;
    let before = app.get("/api/health").await;
    app.make("text", "unavailable").await;
    for _ in 0..5 {
        app.ask("/api/subtopics", TOPIC).await;
    }

    let after = app.get("/api/health").await;

    assert_eq!(before.status(), 200);
    assert_eq!(after.status(), 503);
    let services = json!({ "text": "failing", "vision": "healthy", "imagen": "healthy" });
    let expected = json!({ "status": "degraded", "services": services });
    assert_eq!(after.json::<Value>().await.unwrap(), expected);
}

#[tokio::test]
async fn page_and_metrics_show_every_circuit() {
    let app = App::start(&[]).await;

    let metrics = app.get("/metrics").await.text().await.unwrap();
    let page = app.get("/circuits/").await.text().await.unwrap();
    let circuits: Value = app.get("/circuits/circuits").await.json().await.unwrap();

    assert!(page.contains("<html"));
    for name in ["text", "vision", "imagen"] {
        let state = format!("circuit_breaker_state{{name=\"{name}\"}} 0");
        assert!(metrics.contains(&state), "{metrics}");
        assert!(circuits.to_string().contains(&format!("\"name\":\"{name}\"")), "{circuits}");
    }
}

#[tokio::test]
async fn a_wrong_setting_is_told_by_name_with_what_is_allowed() {
    for (name, value, allowed) in [
        ("TEXT_CIRCUIT_FAIL_MAX", "0", "a whole number of at least 1"),
        ("VISION_CIRCUIT_RESET_TIMEOUT", "1m", "seconds above 0"),
        ("PROVIDER_TIMEOUT", "-1", "such as 60 or 0.5"),
        ("PROVIDER_URL", "provider", "http://"),
    ] {
        let output = program().args(["--port", "0"]).env(name, value).output().await.unwrap();

        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {said}");
        assert!(said.contains(name) && said.contains(allowed), "{name}={value}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_cleanly_though_somebody_reads_its_events() {
    let mut app = App::start(&[]).await;
    let mut events = app.get("/circuits/events").await;
    assert!(events.chunk().await.unwrap().is_some());

    let id = app.child.id().unwrap().to_string();
    let sent = tokio::process::Command::new("kill").args(["-INT", &id]).status().await.unwrap();
    assert!(sent.success());

    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while events.chunk().await.unwrap().is_some() {}
        app.child.wait().await.unwrap()
    });
    assert!(ended.await.expect("it ends").success());
}
