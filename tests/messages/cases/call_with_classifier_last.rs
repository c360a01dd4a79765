//! The call and its classifier in the wrong order.

use tower_circuit_breaker::{Circuit, Outcome};

async fn shop() -> Result<u8, String> {
    Ok(1)
}

fn outcome(_: &Result<u8, String>) -> Outcome {
    Outcome::Success
}

pub async fn run(circuit: Circuit) {
    #[cfg(not(feature = "mended"))]
    let _ = circuit.call_with(shop(), outcome).await;
    //~^ E0277 `call_with` and `run_with` take the classifier first
    #[cfg(feature = "mended")]
    let _ = circuit.call_with(outcome, shop()).await;
}

fn main() {}
