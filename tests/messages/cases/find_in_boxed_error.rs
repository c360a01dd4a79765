//! A search in the box, which is no error, instead of in the error within it.

use tower::BoxError;
use tower_circuit_breaker::Rejected;

pub fn is_rejected(error: BoxError) -> bool {
    #[cfg(not(feature = "mended"))]
    return Rejected::find(&error).is_some();
    //~^ E0277 cannot be known at compilation time
    //~ guide
    #[cfg(feature = "mended")]
    return Rejected::find(&*error).is_some();
}

fn main() {}
