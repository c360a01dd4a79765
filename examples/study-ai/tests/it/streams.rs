//! Answers that come as events, and how they end.

use reqwest::StatusCode;

use crate::support::{App, TOPIC, eventually};

#[tokio::test]
async fn events_are_passed_on_and_count_when_the_last_one_has_come() {
    let app = App::start(&[]).await;

    let answer = app.post("/api/explanation", TOPIC).await;

    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("data: {\"text\": \"Plants \"}\n\n"), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(app.figures("text_generation").await["successful_calls"], 1);
}

#[tokio::test]
async fn streams_that_break_midway_open_the_circuit() {
    let app = App::start(&[]).await;
    app.make("text", "breaking").await;

    for number in 1..=5 {
        // The head was well; whether the break overtakes it on its way here is the network's affair.
        if let Ok(answer) = app.try_post("/api/explanation", TOPIC).await {
            assert_eq!(answer.status(), StatusCode::OK, "{number}");
            answer.text().await.unwrap_err();
        }
        settled(&app, number).await;
    }

    assert_eq!(app.figures("text_generation").await["state"], "open");
    let rejected = app.post("/api/explanation", TOPIC).await;
    assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.reached("text").await, 5);
    let metrics = app.get("/metrics").await.text().await.unwrap();
    let kind = "circuit_breaker_failures_total{name=\"google_ai_text_generation\",kind=\"body\"} 5";
    assert!(metrics.contains(kind), "{metrics}");
}

#[tokio::test]
async fn streams_that_end_before_their_last_event_open_the_circuit_too() {
    let app = App::start(&[]).await;
    app.make("text", "cutting").await;

    for number in 1..=5 {
        let text = app.post("/api/explanation", TOPIC).await.text().await.unwrap();
        assert!(!text.contains("[DONE]"), "{text}");
        settled(&app, number).await;
    }

    assert_eq!(app.figures("text_generation").await["state"], "open");
    let metrics = app.get("/metrics").await.text().await.unwrap();
    let kind =
        "circuit_breaker_failures_total{name=\"google_ai_text_generation\",kind=\"cut_short\"} 5";
    assert!(metrics.contains(kind), "{metrics}");
}

/// What a body was worth is decided where it ends, which may be just after its reader has seen that.
async fn settled(app: &App, failures: u64) {
    eventually("the failure is counted", async || {
        (app.figures("text_generation").await["failed_calls"] == failures).then_some(())
    })
    .await;
}
