//! One provider, three services, and what each one's failures mean to the others.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{App, IMAGE, PROMPT, TOPIC, eventually};

#[tokio::test]
async fn each_service_answers() {
    let app = App::start(&[]).await;

    let subtopics = app.ask("/api/subtopics", TOPIC).await;
    let topic = app.ask("/api/image2topic", IMAGE).await;
    let image = app.ask("/api/generate_image", PROMPT).await;

    let expected = json!({ "topic": "plants", "subtopics": ["roots", "leaves", "flowers"] });
    assert_eq!(subtopics, (StatusCode::OK, expected));
    assert_eq!(topic, (StatusCode::OK, json!({ "topic": "botany" })));
    assert_eq!(image, (StatusCode::OK, json!({ "image": "iVBORw0KGgo=" })));
}

#[tokio::test]
async fn vision_burns_while_text_answers() {
    let app = App::start(&[]).await;
    app.make("vision", "unavailable").await;

    for _ in 0..3 {
        assert_eq!(app.ask("/api/image2topic", IMAGE).await.0, StatusCode::BAD_GATEWAY);
    }
    let rejected = app.post("/api/image2topic", IMAGE).await;

    assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = rejected.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let problem: serde_json::Value = rejected.json().await.unwrap();
    assert_eq!(problem["circuit"], "google_ai_vision");
    assert_eq!(app.reached("vision").await, 3);
    assert_eq!(app.ask("/api/subtopics", TOPIC).await.0, StatusCode::OK);
    assert_eq!(app.ask("/api/generate_image", PROMPT).await.0, StatusCode::OK);
}

#[tokio::test]
async fn text_opens_after_five_and_imagen_after_three_for_longer() {
    let app = App::start(&[]).await;
    for (service, path, body, failures, seconds) in [
        (["text", "text_generation"], "/api/subtopics", TOPIC, 5, 60.0),
        (["vision", "vision"], "/api/image2topic", IMAGE, 3, 60.0),
        (["imagen", "imagen"], "/api/generate_image", PROMPT, 3, 120.0),
    ] {
        let [provided, service] = service;
        app.make(provided, "unavailable").await;

        for number in 1..=failures {
            assert_eq!(app.figures(service).await["state"], "closed", "{service}, {number}");
            app.post(path, body).await;
        }

        let circuit = app.circuit(service).await;
        assert_eq!(circuit["state"], "open", "{service}");
        assert_eq!(circuit["last_trip"]["open_for"], seconds, "{service}: {circuit}");
    }
}

#[tokio::test]
async fn one_success_after_the_open_time_closes_it() {
    let app = App::start(&[("IMAGEN_CIRCUIT_RESET_TIMEOUT", "0.2")]).await;
    app.make("imagen", "unavailable").await;
    for _ in 0..3 {
        app.post("/api/generate_image", PROMPT).await;
    }
    assert_eq!(app.figures("imagen").await["state"], "open");
    app.make("imagen", "well").await;

    eventually("it is asked again", async || {
        let (status, _) = app.ask("/api/generate_image", PROMPT).await;
        (status == StatusCode::OK).then_some(())
    })
    .await;

    let figures = app.figures("imagen").await;
    assert_eq!(figures["state"], "closed");
    assert_eq!(figures["state_transitions"]["half_open_to_closed"], 1);
}

#[tokio::test]
async fn a_provider_that_asks_for_a_pause_gets_it_and_one_that_refuses_a_prompt_is_well() {
    let app = App::start(&[]).await;
    app.make("imagen", "throttling").await;
    app.make("vision", "refusing").await;

    app.post("/api/generate_image", PROMPT).await;
    for _ in 0..4 {
        assert_eq!(app.ask("/api/image2topic", IMAGE).await.0, StatusCode::BAD_REQUEST);
    }

    let imagen = app.circuit("imagen").await;
    assert_eq!(imagen["last_trip"]["open_for"], 20.0, "{imagen}");
    assert_eq!(app.figures("vision").await["state"], "closed");
}

#[tokio::test]
async fn a_provider_that_hangs_or_is_away_fails() {
    let app = App::start(&[("PROVIDER_TIMEOUT", "0.2")]).await;
    app.make("vision", "hanging").await;
    let away = App::start(&[("PROVIDER_URL", "http://127.0.0.1:9")]).await;

    assert_eq!(app.ask("/api/image2topic", IMAGE).await.0, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(away.ask("/api/image2topic", IMAGE).await.0, StatusCode::BAD_GATEWAY);

    for app in [app, away] {
        assert_eq!(app.figures("vision").await["failed_calls"], 1);
    }
}
