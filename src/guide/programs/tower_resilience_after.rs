// cargo add tower-circuit-breaker
// cargo add tokio tower -F tokio/full,tower/util
use std::time::Duration;

use tower::{Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Error, SlidingWindow};

/// Stands for a client of the shop.
async fn ask(is_down: bool) -> Result<&'static str, &'static str> {
    if is_down { Err("refused") } else { Ok("42 EUR") }
}

/// Returns what ten calls and an outage of three look like from outside.
async fn outage() -> Vec<&'static str> {
    let circuit = Circuit::builder("shop")
        .failure_rate(0.5)
        .window(SlidingWindow::count(6))
        .minimum_calls(6)
        .open_for(Duration::from_millis(200))
        .probes(2)
        .concurrent_probes(2)
        .build();
    let mut shop = CircuitBreakerLayer::new(circuit).layer(service_fn(ask));

    let mut seen = Vec::new();
    for call in 0..10 {
        if call == 8 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let is_down = (3..6).contains(&call);
        seen.push(match shop.ready().await.expect("it is ready").call(is_down).await {
            Ok(_) => "answered",
            Err(Error::Inner(_)) => "failed",
            Err(Error::Rejected(_)) => "rejected",
        });
    }
    seen
}

#[tokio::main]
async fn main() {
    println!("{:?}", outage().await);
}
