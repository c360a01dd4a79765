//! What operators see.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{App, IMAGE, TOPIC, eventually, program};

#[tokio::test]
async fn figures_have_the_names_of_dashboards_and_add_up() {
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
    let all: Value = app.get("/api/circuit-breakers/metrics").await.json().await.unwrap();

    assert_eq!(two["current_failure_count"], 2);
    assert_eq!((&two["is_healthy"], &two["last_state_change"]), (&json!(true), &Value::Null));
    assert_eq!(all["success"], true);
    assert!(all["timestamp"].as_str().unwrap().ends_with('Z'), "{all}");
    let names: Vec<_> = all["breakers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["imagen", "text_generation", "vision"]);
    let mut vision = all["breakers"]["vision"].clone();
    let changed = vision["last_state_change"].take();
    assert!(changed.as_str().unwrap() < all["timestamp"].as_str().unwrap(), "{all}");
    assert!(vision["uptime_seconds"].take().as_f64().unwrap() > 0.0, "{all}");
    let expected = json!({
        "name": "google_ai_vision", "state": "open",
        "total_calls": 5, "successful_calls": 1, "failed_calls": 3, "rejected_calls": 1,
        "success_rate_percent": 25.0, "failure_rate_percent": 75.0, "rejection_rate_percent": 20.0,
        "current_failure_count": 3, "failure_threshold": 3,
        "state_transitions": {
            "closed_to_open": 1, "open_to_half_open": 0, "half_open_to_closed": 0,
            "half_open_to_open": 0,
        },
        "last_state_change": null, "uptime_seconds": null,
        "is_healthy": false, "is_degraded": false, "is_failing": true,
    });
    assert_eq!(vision, expected);
}

#[tokio::test]
async fn health_for_people_is_503_unless_all_are_closed_and_probes_go_by_the_process() {
    let app = App::start(&[]).await;
    let before = app.get("/api/health").await;
    app.make("text", "unavailable").await;
    for _ in 0..5 {
        app.ask("/api/subtopics", TOPIC).await;
    }

    let after = app.get("/api/health").await;

    assert_eq!((before.status().as_u16(), after.status().as_u16()), (200, 503));
    let before: Value = before.json().await.unwrap();
    assert_eq!(before["status"], "healthy");
    let after: Value = after.json().await.unwrap();
    assert_eq!(after["status"], "degraded");
    assert!(after["timestamp"].is_string(), "{after}");
    let text = json!({ "state": "open", "is_healthy": false, "success_rate": 0.0 });
    assert_eq!(after["circuit_breakers"]["text_generation"], text);
    let vision = json!({ "state": "closed", "is_healthy": true, "success_rate": null });
    assert_eq!(after["circuit_breakers"]["vision"], vision);
    for path in ["/livez", "/readyz"] {
        assert_eq!(app.get(path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn changes_are_logged_at_once_and_rejections_once_a_second() {
    let app = App::start(&[("LOG_FORMAT", "json")]).await;
    app.make("vision", "unavailable").await;
    for _ in 0..33 {
        app.ask("/api/image2topic", IMAGE).await;
    }

    let lines = eventually("all are said", async || {
        let log = app.log();
        let lines: Vec<Value> = log.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let rejected = lines.iter().filter_map(|line| line["times"].as_u64());
        (rejected.sum::<u64>() == 30).then_some(lines)
    })
    .await;
    let trip = lines.iter().find(|line| line["to"] == "open").unwrap();
    let text = "circuit \"google_ai_vision\": closed → open, 3 failures in a row; \
                open for 1 min";
    assert_eq!((&trip["level"], &trip["message"]), (&json!("WARN"), &json!(text)));
    assert_eq!(trip["circuit"], "google_ai_vision");
    assert!(trip["timestamp"].is_string(), "{trip}");
    // A busy machine may take some seconds for them.
    assert!(lines.iter().filter(|line| line["times"].is_u64()).count() < 15, "{lines:?}");
}

#[tokio::test]
async fn after_the_trip_a_failing_call_costs_a_twentieth_of_the_providers_delay_at_most() {
    let app = App::start(&[("PROVIDER_TIMEOUT", "0.2")]).await;
    app.make("vision", "hanging").await;

    let (mut before, mut after) = (Vec::new(), Vec::new());
    for call in 0..53 {
        let started = Instant::now();
        let (status, _) = app.ask("/api/image2topic", IMAGE).await;
        assert_eq!(status == 504, call < 3, "{status} to call {call}");
        if status == 504 { &mut before } else { &mut after }.push(started.elapsed());
    }

    // The best of fifty: a machine that is busy makes others longer.
    let (delay, cost) = (before.iter().min().unwrap(), after.iter().min().unwrap());
    println!("a failing call: before the trip {delay:?}, after it {cost:?}");
    assert!(*cost * 20 < *delay, "{cost:?} after the trip, {delay:?} before it");
}

#[tokio::test]
async fn control_is_open_where_it_is_asked_for_alone_and_never_in_production() {
    let app = App::start(&[]).await;
    let reset = |app: &App| {
        let url = format!("{}/circuits/circuits/google_ai_vision/reset", app.url);
        reqwest::Client::builder().no_proxy().build().unwrap().post(url).send()
    };
    assert_eq!(reset(&app).await.unwrap().status(), 200);
    let guarded = App::start(&[("ADMIN_TOKEN", "a-token-of-twenty-four-or-more")]).await;
    assert_eq!(reset(&guarded).await.unwrap().status(), 401);

    let output = program().env("APP_ENV", "production").arg("--open-control").output();
    let said = String::from_utf8(output.await.unwrap().stderr).unwrap();
    assert!(said.contains("--open-control is refused with APP_ENV=production"), "{said}");
}

#[tokio::test]
async fn page_and_metrics_show_every_circuit() {
    let app = App::start(&[]).await;

    let metrics = app.get("/metrics").await.text().await.unwrap();
    let page = app.get("/circuits/").await.text().await.unwrap();
    let circuits: Value = app.get("/circuits/circuits").await.json().await.unwrap();

    assert!(page.contains("<html"));
    for name in ["google_ai_text_generation", "google_ai_vision", "google_ai_imagen"] {
        let name = format!("name=\"{name}\"");
        for series in [
            "circuit_breaker_state{NAME} 0",
            "circuit_breaker_calls_total{NAME,result=\"failure\"} 0",
            "circuit_breaker_success_rate{NAME} NaN",
            "circuit_breaker_state_transitions_total{NAME,transition=\"closed_to_open\"} 0",
        ] {
            let series = series.replace("NAME", &name);
            assert!(metrics.contains(&series), "{series}: {metrics}");
        }
        assert!(
            circuits.to_string().contains(&name.replacen("name=", "\"name\":", 1)),
            "{circuits}"
        );
    }
    assert_eq!(circuits["about"]["service"], "study-ai");
}

#[tokio::test]
async fn a_wrong_setting_is_told_by_name_with_what_is_allowed() {
    for (name, value, allowed) in [
        ("TEXT_CIRCUIT_FAIL_MAX", "0", "a whole number of at least 1"),
        ("VISION_CIRCUIT_RESET_TIMEOUT", "1m", "seconds above 0"),
        ("PROVIDER_TIMEOUT", "-1", "such as 60 or 0.5"),
        ("PROVIDER_URL", "provider", "http://"),
        ("LOG_FORMAT", "xml", "text or json"),
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
