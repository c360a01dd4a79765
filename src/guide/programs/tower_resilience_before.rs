// cargo add tower-resilience-circuitbreaker@0.14
// cargo add tokio tower -F tokio/full,tower/util
use std::time::Duration;

use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

/// Stands for a client of the shop.
async fn ask(is_down: bool) -> Result<&'static str, &'static str> {
    if is_down { Err("refused") } else { Ok("42 EUR") }
}

/// Returns what ten calls and an outage of three look like from outside.
async fn outage() -> Vec<&'static str> {
    let layer = CircuitBreakerLayer::builder()
        .name("shop")
        .failure_rate_threshold(0.5)
        .sliding_window_size(6)
        .minimum_number_of_calls(6)
        .wait_duration_in_open(Duration::from_millis(200))
        .permitted_calls_in_half_open(2)
        .build()
        .expect("settings that can be");
    let mut shop = layer.layer(service_fn(ask));

    let mut seen = Vec::new();
    for call in 0..10 {
        if call == 8 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let is_down = (3..6).contains(&call);
        seen.push(match shop.ready().await.expect("it is ready").call(is_down).await {
            Ok(_) => "answered",
            Err(CircuitBreakerError::Inner(_)) => "failed",
            Err(CircuitBreakerError::OpenCircuit) => "rejected",
        });
    }
    seen
}

#[tokio::main]
async fn main() {
    println!("{:?}", outage().await);
}
