//! The rules that the operators of this service have, in a real Prometheus.

use std::path::Path;

use desk::testing::Prometheus;

use crate::support::Pool;

#[tokio::test]
#[ignore = "needs prometheus: run by tests/run.sh"]
async fn the_rules_of_the_house_fire() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    let rules = include_str!("../../alerts.yml");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let prometheus = Prometheus::watching(&pool.url, rules, folder);
    pool.make("planner", "down").await;
    for _ in 0..5 {
        pool.post("/api/v1/agents/planner", "sow").await;
    }

    let firing = tokio::task::spawn_blocking(move || prometheus.firing(3)).await.unwrap();

    for rule in ["CircuitOpen", "CircuitTripped", "CircuitFailures"] {
        let fired = firing.iter().find(|labels| labels["alertname"] == rule);
        let fired = fired.unwrap_or_else(|| panic!("{rule}: {firing:?}"));
        assert_eq!(fired["name"], "agents.planner", "{rule}");
    }
}
