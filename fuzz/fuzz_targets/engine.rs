//! Any string of bytes as a script: the circuit does what its model does.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/model/choices.rs"]
mod choices;
#[path = "../../tests/model/compare.rs"]
mod compare;
#[path = "../../tests/model/decode.rs"]
mod decode;
#[path = "../../tests/model/model.rs"]
mod model;
#[path = "../../tests/model/script.rs"]
mod script;
#[path = "../../tests/model/settings.rs"]
mod settings;

fuzz_target!(|bytes: &[u8]| {
    let (settings, script) = decode::decode(bytes);
    if let Err(difference) = script::run(settings, &script) {
        panic!("{difference}");
    }
});
