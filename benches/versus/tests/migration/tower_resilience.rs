//! From tower-resilience, setting by setting.

use tower::{Layer, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitBuilder, Error, SlidingWindow};
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder as Theirs, CircuitBreakerError, CircuitBreakerLayer as TheirLayer,
    DefaultClassifier, SlidingWindowType,
};

use crate::{OPEN, SLOW, play, upstream};

/// A setting of either, a script, and what both show.
struct Case {
    setting: &'static str,
    theirs: fn(Theirs<DefaultClassifier>) -> Theirs<DefaultClassifier>,
    ours: fn(CircuitBuilder) -> CircuitBuilder,
    script: &'static str,
    seen: &'static str,
}

const CASES: &[Case] = &[
    Case {
        setting: "failure_rate_threshold, over a window of calls that fills for the first time",
        theirs: |it| it.failure_rate_threshold(0.5).sliding_window_size(6),
        ours: |it| it.failure_rate(0.5).window(SlidingWindow::count(6)).minimum_calls(6),
        script: "ooofffo",
        seen: "ooofffr",
    },
    Case {
        setting: "minimum_number_of_calls, over a window of time",
        theirs: |it| {
            it.sliding_window_type(SlidingWindowType::TimeBased)
                .sliding_window_duration(100 * OPEN)
                .minimum_number_of_calls(4)
        },
        ours: |it| it.failure_rate(0.5).window(SlidingWindow::time(100 * OPEN)).minimum_calls(4),
        script: "foofoo",
        seen: "foofrr",
    },
    Case {
        setting: "consecutive_failures",
        theirs: |it| it.consecutive_failures(3),
        ours: |it| it.consecutive_failures(3),
        script: "ffofffo",
        seen: "ffofffr",
    },
    Case {
        setting: "slow_call_duration_threshold, slow_call_rate_threshold",
        theirs: |it| {
            it.sliding_window_type(SlidingWindowType::TimeBased)
                .sliding_window_duration(100 * OPEN)
                .minimum_number_of_calls(2)
                .slow_call_duration_threshold(SLOW)
                .slow_call_rate_threshold(0.5)
        },
        ours: |it| {
            let it = it.slow_call_rate(0.5, SLOW).failure_rate(0.5);
            it.window(SlidingWindow::time(100 * OPEN)).minimum_calls(2)
        },
        script: "oso",
        seen: "oor",
    },
    Case {
        setting: "wait_duration_in_open: a failed probe reopens, a good one closes",
        theirs: |it| it.consecutive_failures(1),
        ours: |it| it.consecutive_failures(1),
        script: "fo_fo_oo",
        seen: "frfroo",
    },
    Case {
        setting: "permitted_calls_in_half_open: so many good probes close",
        theirs: |it| it.consecutive_failures(2).permitted_calls_in_half_open(2),
        ours: |it| it.consecutive_failures(2).probes(2).concurrent_probes(2),
        // One good probe does not close, so that one failure opens again; two do.
        script: "ff_ofo_oofo",
        seen: "ffofroofo",
    },
];

fn ours(builder: CircuitBuilder) -> (Circuit, CircuitBreakerLayer) {
    let circuit = builder.build();
    (circuit.clone(), CircuitBreakerLayer::new(circuit))
}

fn is_rejected(error: &Error<&'static str>) -> bool {
    error.rejected().is_some()
}

#[tokio::test]
async fn each_setting_shows_callers_what_it_did_before() {
    for Case { setting, theirs, ours: set, script, seen } in CASES {
        let before = theirs(TheirLayer::builder().wait_duration_in_open(OPEN)).build().unwrap();
        let (_, after) = ours(set(Circuit::builder("shop").open_for(OPEN)));

        let before = before.layer(service_fn(upstream));
        let before = play(before, script, CircuitBreakerError::is_circuit_open).await;
        let after = play(after.layer(service_fn(upstream)), script, is_rejected).await;

        assert_eq!((&*before, &*after), (*seen, *seen), "{setting}");
    }
}

#[tokio::test]
async fn a_classifier_leaves_out_what_it_did_before() {
    let down = |result: &Result<(), &str>| matches!(result, Err("down"));
    let before = TheirLayer::builder().consecutive_failures(2).failure_classifier(down);
    let before = before.build().unwrap().layer(service_fn(upstream));
    let (_, after) = ours(Circuit::builder("shop").consecutive_failures(2));
    let after = after.failure_if(down).layer(service_fn(upstream));

    let before = play(before, "bbbffo", CircuitBreakerError::is_circuit_open).await;
    let after = play(after, "bbbffo", is_rejected).await;

    assert_eq!((&*before, &*after), ("fffffr", "fffffr"));
}

#[tokio::test]
async fn the_handles_force_open_is_a_trip_and_its_reset_a_reset() {
    let before = TheirLayer::builder().wait_duration_in_open(OPEN);
    let (before, handle) = before.build_with_handle().unwrap();
    let (circuit, after) = ours(Circuit::builder("shop").open_for(OPEN));
    let before = before.layer(service_fn(upstream));
    let after = after.layer(service_fn(upstream));

    handle.force_open().await;
    circuit.trip();
    // At once, since both are open for the same time from now on.
    let theirs = play(before.clone(), "o_oo", CircuitBreakerError::is_circuit_open);
    let ours = play(after.clone(), "o_oo", is_rejected);
    assert_eq!(tokio::join!(theirs, ours), ("roo".into(), "roo".into()));

    handle.force_open().await;
    handle.reset().await;
    circuit.trip();
    circuit.reset();
    let theirs = play(before, "o", CircuitBreakerError::is_circuit_open).await;
    assert_eq!((&*theirs, &*play(after, "o", is_rejected).await), ("o", "o"));
}
