//! Any string of bytes as requests to the admin service: only what may steer does, and every name
//! comes back as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/admin/mod.rs"]
mod admin;

fuzz_target!(|bytes: &[u8]| {
    if let Err(wrong) = admin::check(bytes) {
        panic!("{wrong}");
    }
});
