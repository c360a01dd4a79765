//! Any text as a configuration: taken or refused, never a panic, never a circuit that cannot trip.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/text.rs"]
mod text;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = text::check(bytes) {
        panic!("{error}");
    }
});
