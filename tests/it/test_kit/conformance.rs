//! The suite on settings that are right: they conform, each promise is checked, runs repeat.
//!
//! Random settings are in `tests/model`.

use std::time::Duration;

use tower_circuit_breaker::{
    Backoff, BoxError, Circuit, CircuitBuilder, CircuitEvent, FailureKind, Outcome, Rejected,
    SlidingWindow, TripRule,
};
use tower_circuit_breaker_test::{Conformance, conformance::Promise};

use crate::support::SECOND;

type Set = fn(CircuitBuilder) -> CircuitBuilder;

#[test]
fn settings_of_every_sort_conform() {
    let connect = || TripRule::consecutive_failures(2).of(FailureKind::new("connect"));
    let with_kinds = move || Circuit::builder("kinds").rule(connect().open_for(SECOND));
    let table: [(Set, &str, u32); 16] = [
        (|b| b, "failures", 5),
        (|b| b.consecutive_failures(1).open_for(SECOND), "failures", 1),
        (|b| b.failure_rate(1.0).minimum_calls(1), "failures", 1),
        (|b| b.failure_rate(0.3).minimum_calls(700), "failures", 700),
        (|b| b.failure_count(9).window(SlidingWindow::count(4)), "failures", 4),
        (|b| b.slow_call_rate(0.5, SECOND).minimum_calls(6), "slow calls", 6),
        (|b| b.open_backoff(Backoff::exponential(SECOND, 300 * SECOND)).probes(3), "failures", 5),
        (
            |b| b.concurrent_probes(3).failed_probes_allowed(2).probe_timeout(2 * SECOND),
            "failures",
            5,
        ),
        (|b| b.failure_rate_confident(0.5, 0.95), "failures", 3),
        (|b| b.failure_rate_confident(0.377, 0.913), "failures", 2),
        (|b| b.stalled_calls(4, SECOND), "stalled calls", 5),
        (
            |b| b.rule(TripRule::slow_call_rate(0.5, SECOND).open_for(7 * SECOND)).minimum_calls(2),
            "slow calls",
            2,
        ),
        (|b| b.rule(TripRule::stalled_calls(2, SECOND).open_for(7 * SECOND)), "stalled calls", 3),
        (|b| b.abandoned_after(SECOND).max_trip_for(2 * SECOND), "failures", 5),
        (
            |b| b.rule(TripRule::failure_rate(0.5).open_for(5 * SECOND)).minimum_calls(3),
            "failures",
            3,
        ),
        (
            |b| b.consecutive_failures(4).window(SlidingWindow::time(30 * SECOND).buckets(3)),
            "failures",
            4,
        ),
    ];
    for (set, by, after) in table {
        let ran = Conformance::new(move || set(Circuit::builder("api"))).cases(40).run();
        let report = ran.unwrap_or_else(|broken| panic!("{by}, {after}: {broken}"));

        assert_eq!((report.opened_by, report.opened_after), (by, after), "{report}");
    }
    Conformance::new(with_kinds).cases(40).run().unwrap();
}

#[test]
fn circuits_that_shed_calls_while_closed_conform() {
    let table: [(Set, &str); 4] = [
        (|b| b.ramp(60 * SECOND), "failures"),
        (|b| b.ramp(5 * SECOND).failure_count(9).concurrent_probes(2), "failures"),
        (|b| b.throttle(2.0).stalled_calls(3, SECOND), "shed calls"),
        (|b| b.throttle(1.0), "shed calls"),
    ];
    for (set, by) in table {
        let ran = Conformance::new(move || set(Circuit::builder("api"))).run();
        let report = ran.unwrap_or_else(|broken| panic!("{broken}"));

        assert_eq!(report.opened_by, by, "{report}");
        assert_eq!(report.to_string().contains("It does not open"), by == "shed calls");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn every_promise_is_checked() {
    let make = || {
        let slow = TripRule::slow_call_rate(0.6, SECOND);
        Circuit::builder("api").rule(slow).consecutive_failures(3).concurrent_probes(2).probes(2)
    };

    let report = Conformance::new(make).run().unwrap();

    let text = report.to_string();
    for promise in PROMISES {
        let times = report.checks.get(&promise).copied().unwrap_or(0);
        assert!(times > 0, "{promise:?} was not checked:\n{text}");
        assert!(text.contains(promise.as_str()), "{promise:?}:\n{text}");
    }
    assert!(text.starts_with("100 sequences of "), "{text}");
    assert!(text.contains("It opens after 3 failures."), "{text}");
}

const PROMISES: [Promise; 21] = [
    Promise::SameSettings,
    Promise::Clock,
    Promise::Classifier,
    Promise::Listeners,
    Promise::Opens,
    Promise::Admission,
    Promise::OpenRejects,
    Promise::ProbeLimit,
    Promise::Probes,
    Promise::Limits,
    Promise::FastSuccess,
    Promise::OpenTime,
    Promise::WayOut,
    Promise::SettledOnce,
    Promise::LateResults,
    Promise::Panics,
    Promise::Window,
    Promise::Events,
    Promise::Commands,
    Promise::Reconfigure,
    Promise::Looking,
];

#[test]
fn the_same_seed_runs_the_same() {
    let run = |seed| Conformance::new(|| Circuit::builder("api")).seed(seed).run().unwrap();

    assert_eq!(run(3).checks, run(3).checks);
    assert_ne!(run(3).checks, run(4).checks);
    assert_eq!(run(3).seed, 3);
}

#[test]
fn a_classifier_of_boxed_errors_conforms() {
    let make = || Circuit::builder("api").consecutive_failures(3);
    let judge = |result: &Result<u16, BoxError>| match result {
        Ok(429) => Outcome::TripFor(5 * SECOND),
        Ok(404) => Outcome::Ignored,
        Ok(..=499) => Outcome::Success,
        Ok(_) => Outcome::Failure(FailureKind::new("status")),
        Err(error) if Rejected::find(&**error).is_some() => Outcome::Ignored,
        Err(_) => Outcome::Failure(FailureKind::new("transport")),
    };
    let rejection = || {
        let nested = Circuit::builder("nested").build();
        nested.trip();
        Err(nested.try_acquire().unwrap_err().into())
    };

    let report = Conformance::new(make)
        .classify_with(judge)
        .success(|| Ok(200))
        .failure(|| Ok(429))
        .failure(|| Ok(502))
        .failure(|| Err("reset".into()))
        .ignored(|| Ok(404))
        .ignored(rejection)
        .run()
        .unwrap();

    assert_eq!(report.opened_after, 3);
}

#[test]
fn listeners_and_clocks_of_ones_own_conform() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tower_circuit_breaker::Clock;

    /// Starts anywhere, and makes no promise of its own.
    struct Late(AtomicU64);

    impl Clock for Late {
        fn now(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    let heard = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&heard);
    let make = move || {
        let counter = Arc::clone(&counter);
        Circuit::builder("api").listener(move |_: &CircuitEvent| {
            counter.fetch_add(1, Ordering::SeqCst);
        })
    };

    Conformance::new(make)
        .clock(
            || Late(AtomicU64::new(123_456_789)),
            |clock, by| {
                let millis = u64::try_from(by.as_millis()).unwrap();
                clock.0.fetch_add(millis, Ordering::SeqCst);
            },
        )
        .run()
        .unwrap();

    assert!(heard.load(Ordering::SeqCst) > 100);
}

#[test]
fn a_circuit_that_goes_on_from_an_open_one_conforms() {
    let earlier = Circuit::builder("api").build();
    earlier.trip();
    let saved = earlier.export().away_for(Duration::ZERO);
    let make = move || Circuit::builder("api").restore(saved.clone());

    Conformance::new(make).run().unwrap();
}

#[test]
fn traffic_that_fills_the_window_opens_it() {
    let make = || Circuit::builder("api").failure_rate(0.5).minimum_calls(20);

    let report = Conformance::new(make).one_call_every(SECOND / 2).cases(4).run().unwrap();

    assert_eq!(report.opened_after, 20);
}
