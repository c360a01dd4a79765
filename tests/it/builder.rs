//! Setters panic, at the caller's line, on values that cannot be right.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Duration;

use tower_circuit_breaker::http::{
    self, GrpcCode, GrpcErrorsAsFailures, ServerErrorsAsFailures, StatusInRangeAsFailures,
};
use tower_circuit_breaker::{Backoff, Circuit, FailureKind, SlidingWindow, TripRule};

use crate::support::SECOND;

thread_local! {
    /// Where this thread has panicked last.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
    static LINE: Cell<u32> = const { Cell::new(0) };
}

/// What `f` panics with, which is at a line of this file: that of the caller of a setter.
#[track_caller]
fn message(f: impl FnOnce()) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().expect("a place");
            PLACE.set(place.file().to_owned());
            LINE.set(place.line());
            earlier(info);
        }));
    });
    PLACE.take();
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    let message = panic
        .downcast::<String>()
        .map(|message| *message)
        .or_else(|panic| panic.downcast::<&str>().map(|message| (*message).to_owned()))
        .expect("a message");
    assert_eq!(PLACE.take(), file!(), "{message}");
    message
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn wrong_values_are_named_with_what_is_allowed() {
    type Set = fn();
    let cases: [(Set, &str); 21] = [
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
        (|| drop(api().ramp(Duration::ZERO)), "ramp is 0ns: must be longer than zero"),
        (|| drop(api().throttle(0.5)), "throttle is 0.5: must be from 1 to 1000, such as 2"),
        (|| drop(api().throttle(f64::NAN)), "throttle is NaN: must be from 1 to 1000, such as 2"),
        (|| drop(api().stalled_calls(0, SECOND)), "stalled_calls is 0: must be at least 1"),
        (
            || drop(api().stalled_calls(1, Duration::ZERO)),
            "older_than is 0ns: must be longer than zero",
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
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_rate_and_its_confidence_leave_room_on_both_sides() {
    let cases: [(fn(), &str); 4] = [
        (
            || drop(api().failure_rate_confident(1.0, 0.9)),
            "failure_rate_confident is 1: must be above 0 and below 1",
        ),
        (
            || drop(api().failure_rate_confident(f64::NAN, 0.9)),
            "failure_rate_confident is NaN: must be above 0 and below 1",
        ),
        (
            || drop(api().failure_rate_confident(0.3, 95.0)),
            "confidence is 95: must be above 0.5 and below 1",
        ),
        (
            || drop(TripRule::failure_rate_confident(0.3, 0.5)),
            "confidence is 0.5: must be above 0.5 and below 1",
        ),
    ];
    for (set, expected) in cases {
        assert_eq!(message(set), expected);
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
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
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn only_consecutive_rules_can_be_about_one_kind() {
    let message = message(|| drop(TripRule::failure_rate(0.5).of(FailureKind::OTHER)));

    assert!(message.contains("TripRule::consecutive_failures(n).of(..)"), "{message}");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn the_kind_of_a_rule_has_a_name() {
    let message = message(|| drop(TripRule::consecutive_failures(1).of(FailureKind::new(""))));

    assert_eq!(message, "the kind of a rule has no name: give it one");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn every_setter_panics_at_the_callers_line() {
    let panics: [(fn(), u32); 23] = [
        (|| drop(api().consecutive_failures(0)), line!()),
        (|| drop(api().failure_count(0)), line!()),
        (|| drop(api().failure_rate(7.0)), line!()),
        (|| drop(api().failure_rate_confident(0.5, 1.0)), line!()),
        (|| drop(api().failure_rate_confident(0.0, 0.9)), line!()),
        (|| drop(api().slow_call_rate(0.0, SECOND)), line!()),
        (|| drop(api().stalled_calls(0, SECOND)), line!()),
        (|| drop(api().minimum_calls(0)), line!()),
        (|| drop(api().open_for(Duration::ZERO)), line!()),
        (|| drop(api().probes(0)), line!()),
        (|| drop(api().concurrent_probes(0)), line!()),
        (|| drop(api().probe_timeout(Duration::ZERO)), line!()),
        (|| drop(api().abandoned_after(Duration::ZERO)), line!()),
        (|| drop(api().max_trip_for(Duration::ZERO)), line!()),
        (|| drop(TripRule::failure_rate(f64::INFINITY)), line!()),
        (|| ignore(SlidingWindow::count(0)), line!()),
        (|| ignore(SlidingWindow::time(SECOND).buckets(0)), line!()),
        (|| drop(StatusInRangeAsFailures::new(0..=99)), line!()),
        (|| drop(StatusInRangeAsFailures::new(500..=599).ignoring_status(..=99)), line!()),
        (|| drop(ServerErrorsAsFailures::new().ignoring_status(1000..)), line!()),
        (|| drop(http::layer(api().build()).ignoring_status(404..404)), line!()),
        (|| ignore(GrpcErrorsAsFailures::new().with_failure(GrpcCode::Ok)), line!()),
        (|| ignore(GrpcErrorsAsFailures::new().ignoring_code(GrpcCode::Ok)), line!()),
    ];
    for (set, line) in panics {
        message(set);
        assert_eq!(LINE.get(), line);
    }
}

#[test]
fn the_largest_values_work() {
    let circuit = Circuit::builder("api")
        .consecutive_failures(u32::MAX)
        .failure_rate(1.0)
        .failure_rate_confident(1.0 - 1e-9, 1.0 - f64::EPSILON)
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
        .max_trip_for(Duration::MAX)
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
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
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
        message(|| drop(api().max_trip_for(Duration::ZERO))),
        "max_trip_for is 0ns: must be longer than zero"
    );
    ignore(SlidingWindow::count(SlidingWindow::MAX_CALLS));
    ignore(SlidingWindow::time(10 * SlidingWindow::SHORTEST_BUCKET));
    ignore(SlidingWindow::time(3600 * SECOND).buckets(SlidingWindow::MAX_BUCKETS));
}
