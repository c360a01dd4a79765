//! A `?` that shall box a typed error around a box.

use tower::BoxError;
use tower_circuit_breaker::Circuit;

async fn shop() -> Result<u8, BoxError> {
    Ok(1)
}

pub async fn ask(circuit: Circuit) -> Result<u8, BoxError> {
    let result = circuit.call(shop()).await;
    #[cfg(feature = "mended")]
    let result = result.map_err(|error| error.boxed());
    Ok(result?)
    //~^ E0277 `?` couldn't convert the error
    //~ guide
}

fn main() {}
