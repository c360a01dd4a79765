//! The rules that the operators of this application have, in a real Prometheus.

use std::path::Path;

use desk::testing::Prometheus;

use crate::support::{App, IMAGE, TOPIC};

#[tokio::test]
#[ignore = "needs prometheus: run by tests/run.sh"]
async fn the_rules_of_the_house_fire() {
    let app = App::start(&[]).await;
    let rules = include_str!("../../alerts.yml");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let prometheus = Prometheus::watching(&app.url, rules, folder);
    app.make("vision", "unavailable").await;
    for _ in 0..3 {
        app.ask("/api/image2topic", IMAGE).await;
    }

    // Text fails every other time, which opens no circuit.
    let failing = async {
        loop {
            for condition in ["unavailable", "well"] {
                app.make("text", condition).await;
                app.ask("/api/subtopics", TOPIC).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    // Both are rated under 90 %, and one is open.
    let fired = tokio::task::spawn_blocking(move || prometheus.firing(3));
    let firing = tokio::select! {
        firing = fired => firing.unwrap(),
        never = failing => never,
    };

    for [rule, circuit] in [
        ["CircuitBreakerOpen", "google_ai_vision"],
        ["CircuitBreakerSuccessRateLow", "google_ai_vision"],
        ["CircuitBreakerSuccessRateLow", "google_ai_text_generation"],
    ] {
        let is_it =
            |labels: &&serde_json::Value| labels["alertname"] == rule && labels["name"] == circuit;
        assert!(firing.iter().any(|labels| is_it(&labels)), "{rule}, {circuit}: {firing:?}");
    }
}
