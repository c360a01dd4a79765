//! Setters panic, at the caller's line, on values that cannot be right.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tower_circuit_breaker::{Backoff, Circuit, FailureKind, SlidingWindow, TripRule};

use crate::support::SECOND;

#[track_caller]
fn message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    panic
        .downcast::<String>()
        .map(|message| *message)
        .or_else(|panic| panic.downcast::<&str>().map(|message| (*message).to_owned()))
        .expect("a message")
}

#[test]
fn wrong_values_are_named_with_what_is_allowed() {
    type Set = fn();
    let cases: [(Set, &str); 16] = [
        (|| drop(api().consecutive_failures(0)), "consecutive_failures is 0: must be at least 1"),
        (|| drop(api().failure_count(0)), "failure_count is 0: must be at least 1"),
        (|| drop(api().failure_rate(0.0)), "failure_rate is 0: must be above 0 and at most 1"),
        (|| drop(api().failure_rate(1.5)), "failure_rate is 1.5: must be above 0 and at most 1"),
        (|| drop(api().failure_rate(-0.1)), "failure_rate is -0.1: must be above 0 and at most 1"),
        (
            || drop(api().failure_rate(f64::NAN)),
            "failure_rate is NaN: must be above 0 and at most 1",
        ),
        (
            || drop(api().slow_call_rate(50.0, SECOND)),
            "slow_call_rate is 50: must be above 0 and at most 1",
        ),
        (
            || drop(api().slow_call_rate(0.5, Duration::ZERO)),
            "slower_than is 0ns: must be longer than zero",
        ),
        (|| drop(api().minimum_calls(0)), "minimum_calls is 0: must be at least 1"),
        (|| drop(api().open_for(Duration::ZERO)), "open_for is 0ns: must be longer than zero"),
        (
            || drop(api().open_backoff(Backoff::exponential(Duration::ZERO, SECOND))),
            "open_backoff is 0ns: must be longer than zero",
        ),
        (|| drop(api().probes(0)), "probes is 0: must be at least 1"),
        (|| drop(api().concurrent_probes(0)), "concurrent_probes is 0: must be at least 1"),
        (
            || drop(api().probe_timeout(Duration::ZERO)),
            "probe_timeout is 0ns: must be longer than zero",
        ),
        (
            || drop(api().abandoned_after(Duration::ZERO)),
            "abandoned_after is 0ns: must be longer than zero",
        ),
        (
            || drop(TripRule::consecutive_failures(1).open_for(Duration::ZERO)),
            "open_for is 0ns: must be longer than zero",
        ),
    ];
    for (set, expected) in cases {
        assert_eq!(message(set), expected);
    }
}

#[test]
fn windows_that_cannot_be_are_refused() {
    let cases: [(fn(), &str); 5] = [
        (
            || ignore(SlidingWindow::count(0)),
            "a count window of 0 calls: must be from 1 to 1000000",
        ),
        (
            || ignore(SlidingWindow::time(SECOND / 2000)),
            "a time window of 500µs in 1 buckets: a bucket must be at least 1ms",
        ),
        (
            || ignore(SlidingWindow::time(SECOND / 100).buckets(11)),
            "a time window of 10ms in 11 buckets: a bucket must be at least 1ms",
        ),
        (
            || ignore(SlidingWindow::time(SECOND).buckets(0)),
            "a time window in 0 buckets: must be from 1 to 3600",
        ),
        (
            || ignore(SlidingWindow::count(9).buckets(3)),
            "a count window of 9 calls has no buckets: use ::time(..)",
        ),
    ];
    for (set, expected) in cases {
        assert_eq!(message(set), expected);
    }
}

fn ignore<T>(_: T) {}

fn api() -> tower_circuit_breaker::CircuitBuilder {
    Circuit::builder("api")
}

#[test]
fn only_consecutive_rules_can_be_about_one_kind() {
    let message = message(|| drop(TripRule::failure_rate(0.5).of(FailureKind::OTHER)));

    assert!(message.contains("TripRule::consecutive_failures(n).of(..)"), "{message}");
}

#[test]
fn the_kind_of_a_rule_has_a_name() {
    let message = message(|| drop(TripRule::consecutive_failures(1).of(FailureKind::new(""))));

    assert_eq!(message, "the kind of a rule has no name: give it one");
}

#[test]
fn panics_point_at_the_callers_line() {
    let file = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = std::sync::Arc::clone(&file);
    let hook = std::panic::take_hook();
    let this_thread = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == this_thread {
            *seen.lock().unwrap() = info.location().unwrap().file().to_owned();
        }
    }));

    let caught = catch_unwind(|| drop(Circuit::builder("api").failure_rate(7.0)));

    std::panic::set_hook(hook);
    assert!(caught.is_err());
    assert!(file.lock().unwrap().ends_with("builder.rs"));
    assert!(file.lock().unwrap().contains("tests"), "{}", file.lock().unwrap());
}

#[test]
fn the_largest_values_work() {
    let circuit = Circuit::builder("api")
        .consecutive_failures(u32::MAX)
        .failure_rate(1.0)
        .failure_count(u32::MAX)
        .slow_call_rate(1.0, Duration::MAX)
        .minimum_calls(u32::MAX)
        .window(SlidingWindow::time(Duration::MAX).buckets(3600))
        .open_backoff(Backoff::exponential(Duration::MAX, Duration::MAX))
        .probes(u32::MAX)
        .concurrent_probes(u32::MAX)
        .failed_probes_allowed(u32::MAX)
        .probe_timeout(Duration::MAX)
        .abandoned_after(Duration::MAX)
        .longest_trip_for(Duration::MAX)
        .build();

    crate::support::fail(&circuit);
    circuit.trip();

    assert!(circuit.try_acquire().is_err());
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[test]
fn names_may_be_anything() {
    for name in ["", "päy\u{1f4a9}", "<script>", "a\r\nb", &"x".repeat(10_000)] {
        let circuit = Circuit::builder(name).build();
        circuit.force_open();

        assert_eq!(circuit.name(), name);
        assert_eq!(circuit.try_acquire().unwrap_err().circuit(), name);
    }
}

#[test]
fn a_later_rule_about_the_same_thing_replaces_the_earlier() {
    let circuit = api().consecutive_failures(1).consecutive_failures(3).build();

    crate::support::fail(&circuit);

    assert!(circuit.try_acquire().is_ok());
}

#[test]
fn the_limits_of_windows_and_open_times_are_checked() {
    assert_eq!(
        message(|| ignore(SlidingWindow::count(SlidingWindow::MAX_CALLS + 1))),
        "a count window of 1000001 calls: must be from 1 to 1000000"
    );
    assert_eq!(
        message(|| ignore(SlidingWindow::time(60 * SECOND).buckets(3601))),
        "a time window in 3601 buckets: must be from 1 to 3600"
    );
    assert_eq!(
        message(|| drop(api().longest_trip_for(Duration::ZERO))),
        "longest_trip_for is 0ns: must be longer than zero"
    );
    ignore(SlidingWindow::count(SlidingWindow::MAX_CALLS));
    ignore(SlidingWindow::time(10 * SlidingWindow::SHORTEST_BUCKET));
    ignore(SlidingWindow::time(3600 * SECOND).buckets(SlidingWindow::MAX_BUCKETS));
}
