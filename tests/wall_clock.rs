//! A wall clock that is set back an hour or on by a day changes no decision.
//!
//! The test runs itself as a child under libfaketime, which fakes the wall clock and leaves the
//! monotonic one alone.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use tower_circuit_breaker::{
    Circuit, CircuitBuilder, Clock, FailureKind, Outcome, SystemClock, TokioClock,
};

/// The name of the test that is run as a child.
const PLAY: &str = "play_for_the_other_test";
/// The file that tells libfaketime what to add to the time; read at each look at the clock.
const OFFSET: &str = "FAKETIME_TIMESTAMP_FILE";
/// What the child writes there in the middle of its run.
const STEP: &str = "WALL_CLOCK_STEP";

const HOUR: Duration = Duration::from_secs(3_600);
const FAILURE: Outcome = Outcome::Failure(FailureKind::OTHER);

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let names = ["faketime/libfaketime.so.1", "libfaketime.so.1"];
    folders
        .map(|folder| folder.path())
        .chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")])
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.exists())
        .expect("libfaketime is missing: install it (on Debian: apt-get install faketime)")
}

/// What a child decides whose wall clock takes `step` in the middle of its run.
fn decisions(library: &Path, step: &str) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("offset{step}"));
    fs::write(&file, "+0").unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([PLAY, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("LD_PRELOAD", library)
        .env(OFFSET, &file)
        .env(STEP, step)
        .envs([("FAKETIME_NO_CACHE", "1"), ("DONT_FAKE_MONOTONIC", "1")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once("decided: ")).map(|(_, said)| said).collect()
}

#[test]
#[ignore = "needs faketime: run by tests/run.sh"]
fn steps_of_the_wall_clock_change_no_decision() {
    let library = library();
    let undisturbed = decisions(&library, "+0");
    assert!(undisturbed.contains("probe"), "{undisturbed}");

    assert_eq!(decisions(&library, "-1h"), undisturbed);
    assert_eq!(decisions(&library, "+1d"), undisturbed);
}

/// The wall clock, to see that it moves.
#[expect(clippy::disallowed_methods, reason = "this test is about the wall clock")]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// Sets the wall clock; the circuits' clocks do not see it.
fn step_the_wall_clock() {
    let step = env::var(STEP).unwrap();
    let before = wall();
    fs::write(env::var_os(OFFSET).unwrap(), &step).unwrap();

    let moved = match wall().duration_since(before) {
        Ok(on) => i64::try_from(on.as_secs()).unwrap(),
        Err(back) => -i64::try_from(back.duration().as_secs()).unwrap(),
    };

    let expected = if step == "+1d" { 86_400 } else { -3_600 };
    let expected = if step == "+0" { 0 } else { expected };
    assert!((moved - expected).abs() < 60, "moved by {moved} s instead of {step}");
}

fn fail(circuit: &Circuit) -> &'static str {
    let Ok(permit) = circuit.try_acquire() else { return "rejected" };
    permit.record(FAILURE);
    circuit.state().as_str()
}

fn builder(clock: impl Clock) -> CircuitBuilder {
    Circuit::builder("api").clock(clock).open_for(HOUR)
}

/// What circuits on `clock` decide before and after the step.
fn play(clock: impl Clock + Copy) -> String {
    let mut said = String::new();
    let open = builder(clock).consecutive_failures(1).build();
    let closed = builder(clock).failure_count(4).build();
    let slow = builder(clock).slow_call_rate(1.0, HOUR / 2).minimum_calls(1).build();
    let hung = builder(clock).probe_timeout(HOUR / 2).build();
    fail(&open);
    for _ in 0..3 {
        fail(&closed);
    }
    let call = slow.try_acquire().unwrap();
    hung.trip_for(Duration::ZERO);
    let probe = hung.try_acquire().unwrap();

    step_the_wall_clock();

    let left = open.try_acquire().unwrap_err().retry_after().unwrap();
    write!(said, "open {}, ", left <= HOUR && left > HOUR - HOUR / 60).unwrap();
    write!(said, "window {} {}, ", closed.snapshot().window.failures, fail(&closed)).unwrap();
    call.record(Outcome::Success);
    write!(said, "slow {} {}, ", slow.snapshot().totals.slow_calls, slow.state()).unwrap();
    write!(said, "probe {}, ", fail(&hung)).unwrap();
    drop(probe);
    write!(said, "then {}; ", fail(&hung)).unwrap();
    said
}

#[test]
#[ignore = "run by the test above, as a child under libfaketime"]
fn play_for_the_other_test() {
    println!("\ndecided: {}", play(SystemClock::new()));
    fs::write(env::var_os(OFFSET).unwrap(), "+0").unwrap();
    println!("\ndecided: {}", play(TokioClock::new()));
}
