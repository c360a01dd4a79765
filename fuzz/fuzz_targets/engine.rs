//! Any string of bytes as a script: the circuit does what its model does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_circuit_breaker_test::model;

fuzz_target!(|bytes: &[u8]| {
    let (settings, script) = model::decode(bytes);
    if let Err(difference) = model::run(settings, &script) {
        panic!("{difference}");
    }
});
