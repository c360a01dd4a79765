//! What fuzzing found, replayed: every input of `fuzz/corpus` through the functions that the fuzz
//! targets call.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod admin;
mod exchange;
mod record;
mod text;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use tower_circuit_breaker_test::model;

/// Fewer than this and the corpus was lost, or is not where it should be.
const FEWEST_INPUTS: usize = 100;

#[test]
fn every_script_does_to_the_circuit_what_it_does_to_the_model() {
    replay("engine", |bytes| {
        let (settings, script) = model::decode(bytes);
        model::run(settings, &script)
    });
}

#[test]
fn every_exchange_is_worth_what_the_documentation_says() {
    replay("http", exchange::check);
}

#[test]
fn every_text_is_a_good_config_or_is_told_why_not() {
    replay("config", text::check);
}

#[test]
fn every_request_to_the_admin_service_gets_what_it_may() {
    replay("admin", admin::check);
}

#[test]
fn every_record_of_a_fleet_is_taken_as_it_is_or_not_at_all() {
    replay("record", record::check);
}

fn replay(target: &str, check: fn(&[u8]) -> Result<(), String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();

    let wrong: Vec<_> = inputs.iter().filter_map(|input| replay_file(input, check)).collect();

    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), inputs.len(), wrong.join("\n"));
    let found = inputs.len();
    assert!(found >= FEWEST_INPUTS, "{found} inputs in {}", folder.display());
}

/// What is wrong with an input, if anything is.
fn replay_file(input: &Path, check: fn(&[u8]) -> Result<(), String>) -> Option<String> {
    let bytes = fs::read(input).unwrap();
    let checked = catch_unwind(|| check(&bytes)).unwrap_or_else(|_| Err("it panicked".to_owned()));
    checked.err().map(|error| format!("{}: {error}", input.display()))
}
