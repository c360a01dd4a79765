//! Anything under a key of the fleet: taken as what it says or refused, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/record.rs"]
mod record;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = record::check(bytes) {
        panic!("{error}");
    }
});
