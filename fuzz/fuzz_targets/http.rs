//! Any string of bytes as HTTP exchanges: each is worth what the documentation says, and the circuit
//! does what its model does.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/exchange/mod.rs"]
mod exchange;

fuzz_target!(|bytes: &[u8]| {
    if let Err(difference) = exchange::check(bytes) {
        panic!("{difference}");
    }
});
