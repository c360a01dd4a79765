//! An assertion on an error that does not say whether it is a rejection.

use tower_circuit_breaker_test::assert_admitted;

#[derive(Debug)]
pub struct ShopError;

#[cfg(feature = "mended")]
impl tower_circuit_breaker_test::CarriesRejection for ShopError {
    fn rejection(&self) -> Option<&tower_circuit_breaker::Rejected> {
        None
    }
}

pub fn run(result: Result<u8, ShopError>) {
    let _ = assert_admitted(result);
    //~^ E0277 for an error type of your own: implement `CarriesRejection`
}

fn main() {}
