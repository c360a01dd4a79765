//! The rules that this gateway's operators have, in a real Prometheus.

use std::path::Path;

use desk::testing::Prometheus;

use crate::support::Gateway;

#[tokio::test]
#[ignore = "needs prometheus: run by tests/run.sh"]
async fn the_rules_of_the_house_fire() {
    let gateway = Gateway::start(&[]).await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let rules = include_str!("../../alerts.yml");
    let prometheus = Prometheus::watching(&gateway.url, rules, folder);
    gateway.plant_id.become_("unavailable").await;
    gateway.plantnet.become_("unavailable").await;
    for _ in 0..6 {
        gateway.identify().await;
    }

    let firing = tokio::task::spawn_blocking(move || prometheus.firing(5)).await.unwrap();

    let names: Vec<_> = firing.iter().map(|labels| labels["alertname"].as_str().unwrap()).collect();
    for rule in ["CircuitOpen", "CircuitStillOpen"] {
        let fired = names.iter().filter(|name| **name == rule).count();
        assert_eq!(fired, 2, "{rule}: {names:?}");
    }
    assert!(names.contains(&"AllCircuitsOpen"), "{names:?}");
    assert!(firing.iter().any(|labels| labels["name"] == "plant_id_api"), "{firing:?}");
}
