//! Any string of bytes as HTTP exchanges: each is worth what the documentation says, and the circuit
//! does what its model does.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/model/choices.rs"]
mod choices;
#[path = "../../tests/model/compare.rs"]
mod compare;
#[path = "../../tests/corpus/exchange/mod.rs"]
mod exchange;
#[path = "../../tests/model/model.rs"]
mod model;
#[path = "../../tests/model/settings.rs"]
mod settings;

fuzz_target!(|bytes: &[u8]| {
    if let Err(difference) = exchange::check(bytes) {
        panic!("{difference}");
    }
});
