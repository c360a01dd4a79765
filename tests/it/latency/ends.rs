//! Which calls are counted, and how long they took.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitState, Clock, FailureKind, ManualClock,
    Outcome, Override, SlidingWindow, TripRule,
};

use crate::latency::{MILLI, assert_kept, filled, kept, latency, take};
use crate::listeners::everything;
use crate::script::{Script, Step, call, read, request, response};
use crate::support::{FAILURE, SECOND, ready_to_probe, rejection, succeed};

#[test]
fn calls_that_the_upstream_answered_are_counted() {
    let named = Outcome::Failure(FailureKind::new("connect"));
    for outcome in [Outcome::Success, FAILURE, named, Outcome::TripFor(SECOND), Outcome::Ignored] {
        let (circuit, clock) = kept(|b| b);

        take(&circuit, &clock, 3 * MILLI, outcome);

        assert_eq!(filled(&latency(&circuit)), [(Duration::from_micros(3_430), 1)], "{outcome:?}");
    }
}

#[test]
fn calls_that_ended_without_an_answer_are_not() {
    let (circuit, clock) = kept(|b| b.abandoned_after(SECOND).slow_call_rate(1.0, 9 * SECOND));
    take(&circuit, &clock, MILLI, Outcome::NotSent);
    let dropped = circuit.try_acquire().unwrap();
    clock.advance(MILLI);
    drop(dropped);
    let abandoned = circuit.try_acquire().unwrap();
    clock.advance(SECOND);
    drop(abandoned);
    assert_eq!(circuit.snapshot().totals.failures, 1, "the one that waited for a second");
    let stale = [(); 3].map(|()| circuit.try_acquire().unwrap());
    circuit.trip();
    rejection(&circuit);

    let [dropped, not_sent, late] = stale;
    clock.advance(SECOND);
    drop(dropped);
    not_sent.record(Outcome::NotSent);
    late.record(Outcome::Failure(FailureKind::ABANDONED));

    assert_eq!(circuit.snapshot().totals.stale, 3);
    assert_kept(&circuit, 0, Duration::ZERO);
}

#[test]
fn stale_calls_are_counted_for_their_callers_had_met_them() {
    let (circuit, clock) = kept(|b| b);
    let calls = [(); 3].map(|()| circuit.try_acquire().unwrap());
    circuit.reset();
    clock.advance(2 * MILLI);

    for (call, outcome) in calls.into_iter().zip([Outcome::Success, FAILURE, Outcome::Ignored]) {
        call.record(outcome);
    }

    assert_eq!(circuit.snapshot().totals.stale, 3);
    assert_kept(&circuit, 3, 6 * MILLI);
}

/// Resets a circuit when it is next asked for the time.
#[derive(Clone, Default)]
struct Resets(Arc<Mutex<Option<Circuit>>>, ManualClock);

impl Clock for Resets {
    fn now(&self) -> Duration {
        let circuit = self.0.lock().unwrap().take();
        circuit.inspect(Circuit::reset);
        self.1.now()
    }
}

#[test]
fn calls_that_become_stale_while_they_are_recorded_are_counted() {
    let ends = [
        (CircuitState::Closed, Outcome::Success),
        (CircuitState::Closed, FAILURE),
        (CircuitState::HalfOpen, Outcome::Success),
        (CircuitState::HalfOpen, FAILURE),
    ];
    for (state, outcome) in ends {
        let clock = Resets::default();
        // A listener of calls, so that a success goes the long way, too.
        let builder = Circuit::builder("api").latency().listener(everything());
        let circuit = builder.clock(clock.clone()).build();
        if state == CircuitState::HalfOpen {
            ready_to_probe(&circuit, &clock.1);
        }
        let call = circuit.try_acquire().unwrap();
        assert_eq!(circuit.state(), state);
        clock.1.advance(MILLI);
        *clock.0.lock().unwrap() = Some(circuit.clone());

        call.record(outcome);

        assert_eq!(circuit.snapshot().totals.stale, 1, "{state:?}, {outcome:?}");
        assert_kept(&circuit, 1, MILLI);
    }
}

#[test]
fn probes_are_counted_also_those_that_are_late_or_stale() {
    let (circuit, clock) = kept(|b| b.open_for(SECOND));
    for outcome in [FAILURE, Outcome::Ignored, Outcome::NotSent, Outcome::Success] {
        ready_to_probe(&circuit, &clock);
        take(&circuit, &clock, MILLI, outcome);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_kept(&circuit, 3, 3 * MILLI);

    ready_to_probe(&circuit, &clock);
    let without_lease = circuit.try_acquire().unwrap();
    clock.advance(2 * SECOND);
    let stale = circuit.try_acquire().unwrap();
    without_lease.record(Outcome::Success);
    clock.advance(SECOND);
    stale.record(Outcome::Success);

    assert_eq!(circuit.snapshot().totals.stale, 1);
    assert_kept(&circuit, 5, 3 * MILLI + 3 * SECOND);
}

#[test]
fn calls_under_an_override_are_counted() {
    for order in [Circuit::observe, Circuit::force_closed] {
        let (circuit, clock) = kept(|b| b);
        order(&circuit);
        circuit.trip();

        take(&circuit, &clock, MILLI, Outcome::Success);
        take(&circuit, &clock, MILLI, FAILURE);

        assert_kept(&circuit, 2, 2 * MILLI);
    }
    for initial in [Override::Observing, Override::ForcedClosed] {
        let (circuit, clock) = kept(|b| b.initial_override(initial));
        take(&circuit, &clock, MILLI, Outcome::Success);
        assert_kept(&circuit, 1, MILLI);
    }
}

#[test]
fn a_call_judged_by_its_body_took_until_its_head() {
    let (circuit, clock) = kept(|b| b);
    let heads = [
        Script::new([Step::Data("whole")]),
        Script::new([Step::Data("broken"), Step::Break]),
        Script::new([Step::Data("left"), Step::Stall]),
    ];
    for head in heads {
        let mut body = call(&circuit, response(200, head)).into_body();
        clock.advance(SECOND);
        read(&mut body);
        drop(body);
    }
    assert_kept(&circuit, 3, Duration::ZERO);

    let answer = service_fn(|_| {
        clock.advance(2 * MILLI);
        std::future::ready(Ok::<_, Infallible>(response(200, Script::new([Step::Data("x")]))))
    });
    let service = tower_circuit_breaker::http::layer(circuit.clone()).layer(answer);
    let get = request(http::Method::GET);
    let response = service.oneshot(get).now_or_never().unwrap().unwrap();
    clock.advance(SECOND);
    assert!(response.into_body().collect().now_or_never().unwrap().is_ok());

    assert_kept(&circuit, 4, 2 * MILLI);
}

#[test]
fn a_body_whose_reader_waited_in_vain_is_not_counted() {
    let (circuit, clock) = kept(|b| b.abandoned_after(SECOND));
    let mut body = call(&circuit, response(200, Script::new([Step::Stall]))).into_body();
    assert!(body.frame().now_or_never().is_none());
    clock.advance(SECOND);

    drop(body);

    assert_eq!(circuit.snapshot().totals.failures, 1);
    assert_kept(&circuit, 0, Duration::ZERO);
}

#[test]
fn calls_through_services_and_closures_are_counted() {
    let (circuit, clock) = kept(|b| b);
    let inner = service_fn(|fails: bool| {
        clock.advance(MILLI);
        std::future::ready(if fails { Err("failed") } else { Ok(()) })
    });
    let layer = CircuitBreakerLayer::new(circuit.clone());
    for fails in [false, true] {
        let result = layer.layer(inner).oneshot(fails).now_or_never().unwrap();
        assert_eq!(result.is_err(), fails);
    }
    assert_kept(&circuit, 2, 2 * MILLI);

    let work = || {
        clock.advance(MILLI);
        Ok::<_, ()>(())
    };
    assert!(circuit.run(work).is_ok());
    assert!(circuit.call(async { work() }).now_or_never().unwrap().is_ok());

    assert_kept(&circuit, 4, 4 * MILLI);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_of_the_upstream_is_counted_and_one_of_the_classifier_is_not() {
    let (circuit, clock) = kept(|b| b);
    let of_the_upstream = || {
        circuit.run(|| -> Result<(), ()> {
            clock.advance(MILLI);
            panic!("no answer")
        })
    };
    let of_the_classifier =
        || circuit.run_with(|_: &Result<(), ()>| -> Outcome { panic!("no outcome") }, || Ok(()));

    assert!(catch_unwind(AssertUnwindSafe(of_the_upstream)).is_err());
    assert!(catch_unwind(AssertUnwindSafe(of_the_classifier)).is_err());

    assert_kept(&circuit, 1, MILLI);
}

/// One setting for each way that an end may go through a circuit.
fn settings() -> Vec<(&'static str, fn(CircuitBuilder) -> CircuitBuilder)> {
    vec![
        ("nothing else", |b| b),
        ("count window", |b| b.window(SlidingWindow::count(10))),
        ("time window", |b| b.window(SlidingWindow::time(SECOND))),
        ("slow calls", |b| b.slow_call_rate(1.0, 2 * MILLI).minimum_calls(1_000)),
        ("stalled calls", |b| b.stalled_calls(1_000, MILLI)),
        ("throttle", |b| b.throttle(1_000.0)),
        ("ramp", |b| b.ramp(SECOND)),
        ("abandoned", |b| b.abandoned_after(MILLI)),
        ("kinds", |b| {
            b.rule(TripRule::consecutive_failures(1_000).of(FailureKind::new("connect")))
        }),
        ("a listener of calls", |b| b.listener(everything())),
        ("last error", |b| b.last_error(|error: &&str| (*error).to_owned())),
        ("critical", CircuitBuilder::critical),
        ("critical first", |b| b.critical().latency()),
    ]
}

#[test]
fn every_call_is_counted_once_whatever_else_is_set() {
    for (name, set) in settings() {
        let (circuit, clock) = kept(set);
        let mut sum = Duration::ZERO;
        for number in 0..60_u32 {
            let elapsed = (number % 5) * MILLI;
            let result = circuit.run(|| {
                clock.advance(elapsed);
                if number % 3 == 2 { Err("failed") } else { Ok(()) }
            });
            assert_eq!(result.is_err(), number % 3 == 2, "{name}: {number}");
            sum += elapsed;
            clock.advance(100 * MILLI);
        }

        let latency = latency(&circuit);
        assert_eq!((latency.count(), latency.sum()), (60, sum), "{name}");
        let totals = circuit.snapshot().totals;
        assert_eq!((totals.successes, totals.failures), (40, 20), "{name}");
    }
}

#[test]
fn calls_of_many_threads_are_all_counted() {
    let (circuit, _) = kept(|b| b);

    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| (0..1_000).for_each(|_| succeed(&circuit)));
        }
    });

    assert_kept(&circuit, 4_000, Duration::ZERO);
}
