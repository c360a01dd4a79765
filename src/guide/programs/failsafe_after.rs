// cargo add tower-circuit-breaker
// cargo add tokio -F tokio/full
use std::time::Duration;

use tower_circuit_breaker::{Circuit, Error};

/// Stands for a client of the shop.
async fn ask(is_down: bool) -> Result<&'static str, &'static str> {
    if is_down { Err("refused") } else { Ok("42 EUR") }
}

/// Returns what ten calls and an outage of three look like from outside.
async fn outage() -> Vec<&'static str> {
    let open_for = Duration::from_millis(200);
    let shop = Circuit::builder("shop").consecutive_failures(3).open_for(open_for).build();

    let mut seen = Vec::new();
    for call in 0..10 {
        if call == 8 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let is_down = (3..6).contains(&call);
        seen.push(match shop.call(ask(is_down)).await {
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
