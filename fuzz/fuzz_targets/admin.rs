//! Any string of bytes as requests to the admin service: only what may steer does, and every name
//! comes back as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/admin/mod.rs"]
mod admin;
#[path = "../../tests/model/choices.rs"]
mod choices;
#[expect(dead_code, reason = "a model asks more of them")]
#[path = "../../tests/model/settings.rs"]
mod settings;

fuzz_target!(|bytes: &[u8]| {
    if let Err(wrong) = admin::check(bytes) {
        panic!("{wrong}");
    }
});
