//! A clock that is a closure.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, Clock};

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

pub fn run() {
    let builder = Circuit::builder("shop");
    #[cfg(not(feature = "mended"))]
    let _ = builder.clock(|| Duration::ZERO);
    //~^ E0277 a type of your own implements `Clock`
    #[cfg(feature = "mended")]
    let _ = builder.clock(Stopped);
}

fn main() {}
