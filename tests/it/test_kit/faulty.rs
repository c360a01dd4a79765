//! The suite must be able to fail: what is wrong with a user's own parts is found, and told in words.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tower_circuit_breaker::{
    Backoff, Circuit, CircuitBuilder, CircuitEvent, Clock, FailureKind, Outcome, TripRule,
};
use tower_circuit_breaker_test::conformance::{Broken, Promise};
use tower_circuit_breaker_test::{Conformance, ManualClock};

use crate::support::SECOND;

fn plain() -> CircuitBuilder {
    Circuit::builder("api").consecutive_failures(3)
}

/// What a run finds to be broken, which is this promise.
#[track_caller]
fn broken(run: Result<impl std::fmt::Debug, Broken>, promise: Promise) -> String {
    let broken = run.expect_err("it conforms");
    assert_eq!(broken.promise(), promise, "{broken}");
    broken.to_string()
}

/// A clock that shows what `show` makes of the true time.
struct Bent<F> {
    time: ManualClock,
    show: F,
}

impl<F: Fn(Duration) -> Duration + Send + Sync + 'static> Clock for Bent<F> {
    fn now(&self) -> Duration {
        (self.show)(self.time.now())
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

fn run_on<F>(make: fn() -> F) -> Result<impl std::fmt::Debug, Broken>
where
    F: Fn(Duration) -> Duration + Send + Sync + 'static,
{
    let make = move || Bent { time: ManualClock::new(), show: make() };
    Conformance::new(plain).clock(make, |clock, by| clock.time.advance(by)).run()
}

#[test]
fn a_clock_that_stands_still_is_found() {
    let text = broken(run_on(|| |time: Duration| time.min(SECOND)), Promise::Clock);

    assert!(text.contains("the clock stands still: at 1s it was moved on by 250ms"), "{text}");
}

#[test]
fn a_clock_that_goes_back_is_found_however_late() {
    let at_once =
        broken(run_on(|| |time: Duration| (10 * SECOND).saturating_sub(time)), Promise::Clock);
    // Two days on, it shows the time of the day.
    let late = broken(
        run_on(|| |time: Duration| Duration::from_millis(millis(time) % 172_800_000)),
        Promise::Clock,
    );

    assert!(at_once.contains("the clock goes back"), "{at_once}");
    assert!(late.contains("the clock went back") && late.contains("again: seed(1)"), "{late}");
}

#[test]
fn a_clock_that_runs_by_itself_is_found() {
    let text = broken(
        run_on(|| {
            let looks = AtomicU64::new(0);
            move |time| time + Duration::from_nanos(looks.fetch_add(1, Ordering::SeqCst))
        }),
        Promise::Clock,
    );

    assert!(text.contains("while nobody moved it"), "{text}");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_listener_that_panics_is_found() {
    let make = || {
        plain().listener(|event: &CircuitEvent| {
            if let CircuitEvent::StateChanged { to, .. } = event {
                assert_ne!(to.as_str(), "half_open", "a listener of the test");
            }
        })
    };

    let text = broken(Conformance::new(make).run(), Promise::Listeners);

    assert!(text.contains("listeners panicked 1 times"), "{text}");
}

#[test]
fn a_classifier_that_sees_no_failure_is_found() {
    let run = Conformance::new(plain)
        .classify_with(tower_circuit_breaker::ErrorsAsFailures)
        .success(|| Ok::<u16, String>(200))
        .failure(|| Err("refused".into()))
        .failure(|| Ok(503))
        .run();

    let text = broken(run, Promise::Classifier);

    assert!(
        text.contains("sample 2 was given as a failure, and the classifier says Success"),
        "{text}"
    );
}

#[test]
fn a_classifier_that_changes_its_mind_is_found() {
    let asked = AtomicU32::new(0);
    let judge = move |_: &Result<(), ()>| match asked.fetch_add(1, Ordering::SeqCst) % 3 {
        2 => Outcome::Ignored,
        _ => Outcome::Success,
    };
    let run =
        Conformance::new(plain).classify_with(judge).success(|| Ok(())).failure(|| Err(())).run();

    let text = broken(run, Promise::Classifier);

    assert!(text.contains("says Ignored and then Success of the same"), "{text}");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_classifier_that_panics_is_found() {
    let judge = |result: &Result<u8, u8>| match result {
        Ok(_) => Outcome::Success,
        Err(code) => panic!("code {code} is not known"),
    };
    let run =
        Conformance::new(plain).classify_with(judge).success(|| Ok(1)).failure(|| Err(2)).run();

    let text = broken(run, Promise::Classifier);

    assert!(text.contains("the classifier panics on sample 1"), "{text}");
}

#[test]
fn a_classifier_that_turns_later_is_found_by_its_totals() {
    let asked = AtomicU32::new(0);
    // Right while it is examined, and for a while after.
    let judge = move |result: &Result<(), ()>| match asked.fetch_add(1, Ordering::SeqCst) {
        ..40 if result.is_err() => Outcome::Failure(FailureKind::OTHER),
        _ => Outcome::Success,
    };
    let run =
        Conformance::new(plain).classify_with(judge).success(|| Ok(())).failure(|| Err(())).run();

    let text = run.expect_err("it conforms").to_string();

    assert!(text.contains("calls through the layer"), "{text}");
}

#[test]
fn samples_of_both_sorts_are_asked_for() {
    let judge = |_: &Result<(), ()>| Outcome::Success;
    let run = Conformance::new(plain).classify_with(judge).success(|| Ok(())).run();

    let text = broken(run, Promise::Classifier);

    assert!(text.contains("no sample of a failure was given"), "{text}");
}

#[test]
fn a_rate_that_traffic_never_reaches_is_found() {
    let make = || Circuit::builder("api").failure_rate(0.5);

    let text = broken(Conformance::new(make).one_call_every(SECOND).run(), Promise::Opens);

    assert!(
        text.contains("10000 failing calls do not open it: with a call every 1s its window held 10 calls at most, and a rate needs 20"),
        "{text}"
    );
}

#[test]
fn a_rule_about_a_kind_that_does_not_come_is_found() {
    let connect = || TripRule::consecutive_failures(3).of(FailureKind::new("connect"));
    let run = Conformance::new(move || Circuit::builder("api").rule(connect()))
        .classify_with(tower_circuit_breaker::ErrorsAsFailures)
        .success(|| Ok::<(), String>(()))
        .failure(|| Err("connect: refused".into()))
        .run();

    let text = broken(run, Promise::Opens);

    assert!(
        text.contains("it has a rule about failures of kind \"connect\", and no sample is one"),
        "{text}"
    );
}

#[test]
fn limits_that_are_too_high_are_found() {
    let high = || Circuit::builder("api").consecutive_failures(50);

    let text = broken(Conformance::new(high).opens_within(49).run(), Promise::Opens);

    assert!(text.contains("49 failing calls do not open it\ncircuit \"api\""), "{text}");
    assert!(Conformance::new(high).opens_within(50).cases(2).run().is_ok());
}

#[test]
fn open_times_that_are_too_long_are_found() {
    let backoff = || plain().open_backoff(Backoff::exponential(SECOND, Duration::from_secs(7_200)));
    let own = || plain().rule(TripRule::failure_rate(0.5).open_for(Duration::MAX));
    let hour = Duration::from_secs(3_600);

    let text = broken(Conformance::new(backoff).recovers_within(hour).run(), Promise::WayOut);
    assert!(text.contains("open for 7200s, and is to be for 3600s at most"), "{text}");
    broken(Conformance::new(own).run(), Promise::WayOut);
}

#[test]
fn more_probes_than_will_ever_succeed_are_found() {
    let run = Conformance::new(|| plain().probes(1_000_000)).run();

    let text = broken(run, Promise::WayOut);

    assert!(text.contains("after 10000 good probes it is half_open"), "{text}");
}

#[test]
fn a_maker_of_different_circuits_is_found() {
    let made = AtomicU32::new(3);
    let make =
        move || Circuit::builder("api").consecutive_failures(made.fetch_add(1, Ordering::SeqCst));

    broken(Conformance::new(make).run(), Promise::SameSettings);
}
