//! A probe in the background, in the place of calls.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBuilder, CircuitState, Outcome, TokioClock,
};

use crate::support::{SECOND, fail, record, rejection, succeed};

/// An upstream's health endpoint: whether it is well, and how often it was asked.
#[derive(Clone, Default)]
struct Upstream {
    is_well: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Upstream {
    fn recover(&self) {
        self.is_well.store(true, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn probe(&self) -> impl Fn() -> std::future::Ready<bool> + use<> {
        let Self { is_well, asked } = self.clone();
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            std::future::ready(is_well.load(Ordering::SeqCst))
        }
    }
}

/// Trips at one failure, for 30 s.
fn circuit(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> Circuit {
    set(Circuit::builder("api").consecutive_failures(1).clock(TokioClock::new())).build()
}

/// Has been asked as often as it can have been in so many intervals of 10 s, less up to half.
fn assert_asked(upstream: &Upstream, intervals: usize) {
    let asked = upstream.asked();
    assert!((intervals..=2 * intervals).contains(&asked), "{asked} times in {intervals} intervals");
}

#[tokio::test(start_paused = true)]
async fn no_call_is_spent_on_an_upstream_that_is_still_down() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    let task = tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
    sleep(100 * SECOND).await;
    assert_eq!(upstream.asked(), 0, "closed");
    fail(&circuit);

    for _ in 0..1_000 {
        sleep(SECOND).await;
        let left = rejection(&circuit).retry_after().expect("it is open");
        assert!(left <= 21 * SECOND, "interval, time-out and a second, not {left:?}");
    }

    assert_asked(&upstream, 100);
    assert_eq!(circuit.snapshot().transitions.open_to_half_open, 0);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_well_again_gets_a_call_to_probe_it() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
    sleep(SECOND).await;
    fail(&circuit);
    sleep(60 * SECOND).await;
    upstream.recover();
    sleep(10 * SECOND).await;
    let asked = upstream.asked();

    sleep(1_000 * SECOND).await;

    assert_eq!(upstream.asked(), asked, "once it is well nobody asks again");
    assert_eq!(circuit.state(), CircuitState::Open, "until the next call");
    let probe = circuit.try_acquire().expect("a probe");
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    probe.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Closed);
    fail(&circuit);
    sleep(11 * SECOND).await;
    assert!(upstream.asked() > asked, "and again when it trips again");
    succeed(&circuit);
}

#[tokio::test(start_paused = true)]
async fn a_probe_may_close_the_circuit_at_once() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).then_close().run());
    let mut changes = circuit.subscribe();
    sleep(SECOND).await;
    fail(&circuit);
    upstream.recover();

    sleep(11 * SECOND).await;

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().transitions.open_to_closed, 1);
    changes.next().await;
    let closed = format!("{:?}", changes.next().await);
    assert!(closed.contains(&format!("{:?}", ChangeReason::HealthProbe)), "{closed}");
}

#[tokio::test(start_paused = true)]
async fn a_relapse_is_watched_anew() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
    upstream.recover();
    for relapse in 1..=5 {
        fail(&circuit);
        sleep(11 * SECOND).await;
        assert_eq!(upstream.asked(), relapse);
        circuit.try_acquire().expect("a probe").record(crate::support::FAILURE);
        assert_eq!(circuit.state(), CircuitState::Open, "the endpoint was wrong");
        sleep(11 * SECOND).await;
        assert_eq!(upstream.asked(), relapse + 1);
        upstream.asked.fetch_sub(1, Ordering::SeqCst);
        succeed(&circuit);
    }
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_probe_that_hangs_or_panics_is_a_failed_one() {
    let circuit = circuit(|b| b);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let probe = move || {
        let time = counted.fetch_add(1, Ordering::SeqCst);
        assert!(time % 4 != 0, "on purpose, when asked");
        async move {
            match time % 4 {
                1 => pending().await,
                2 => panic!("on purpose, when polled"),
                _ => time > 10,
            }
        }
    };
    let probe = circuit.health_probe(10 * SECOND, probe).timeout(2 * SECOND);
    tokio::spawn(probe.then_close().run());
    sleep(SECOND).await;
    fail(&circuit);

    sleep(60 * SECOND).await;
    assert!((5..=11).contains(&asked.load(Ordering::SeqCst)), "it goes on: {asked:?}");
    assert_eq!(circuit.state(), CircuitState::Open);

    sleep(70 * SECOND).await;
    assert_eq!((asked.load(Ordering::SeqCst), circuit.state()), (12, CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_circuit_whatever_it_is_at() {
    for (until, what) in [(1, "closed"), (3, "pausing"), (60, "asking")] {
        let circuit = circuit(|b| b);
        let probe = circuit.health_probe(20 * SECOND, pending::<bool>).timeout(1_000 * SECOND);
        let task = tokio::spawn(probe.run());
        sleep(SECOND).await;
        if until > 1 {
            fail(&circuit);
        }
        sleep(until * SECOND).await;
        let before = tokio::time::Instant::now();

        drop(circuit);

        task.await.expect("it ends by itself");
        assert_eq!(before.elapsed(), Duration::ZERO, "at once, {what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_whose_probe_has_died_is_probed_by_calls() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    let task = tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
    sleep(SECOND).await;
    fail(&circuit);
    sleep(300 * SECOND).await;
    let left = rejection(&circuit).retry_after().expect("it is open");
    task.abort();

    sleep(left).await;

    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_or_an_operator_says_goes_before() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    upstream.recover();
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).then_close().run());
    sleep(SECOND).await;
    record(&circuit, Outcome::TripFor(100 * SECOND));
    sleep(99 * SECOND).await;
    assert_eq!(upstream.asked(), 0, "it asked to be left alone");
    sleep(2 * SECOND).await;
    assert_eq!((upstream.asked(), circuit.state()), (1, CircuitState::Closed));

    circuit.trip_for(50 * SECOND);
    sleep(49 * SECOND).await;
    assert_eq!(upstream.asked(), 1, "an operator's trip");
    sleep(2 * SECOND).await;
    assert_eq!(circuit.state(), CircuitState::Closed);

    circuit.force_open();
    sleep(1_000 * SECOND).await;
    assert_eq!((upstream.asked(), circuit.state()), (2, CircuitState::Open));
    circuit.release();
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_reset_meanwhile_ends_the_watch() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
    sleep(SECOND).await;
    fail(&circuit);
    sleep(SECOND).await;

    circuit.reset();
    sleep(100 * SECOND).await;

    assert_eq!((upstream.asked(), circuit.state()), (0, CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn what_it_closes_ramps_up() {
    let (circuit, upstream) = (circuit(|b| b.ramp(100 * SECOND)), Upstream::default());
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).then_close().run());
    sleep(SECOND).await;
    fail(&circuit);
    upstream.recover();

    sleep(11 * SECOND).await;

    let share = circuit.snapshot().admitted_share.expect("it ramps");
    assert!((0.1..0.2).contains(&share), "{share}");
}

/// Over random outages: the circuit is open while the upstream is down, and never probed by a call
/// that fails.
#[tokio::test(start_paused = true)]
async fn calls_meet_no_failure_but_the_first_of_an_outage() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(2 * SECOND, upstream.probe()).then_close().run());
    let (mut failures, mut outages, mut random) = (0, 0, 1_u64);
    for _ in 0..200 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let is_well = random >> 63 == 0;
        outages += usize::from(!is_well && upstream.is_well.swap(is_well, Ordering::SeqCst));
        upstream.is_well.store(is_well, Ordering::SeqCst);
        for _ in 0..1 + (random >> 40) % 300 {
            if let Ok(permit) = circuit.try_acquire() {
                permit.record(if is_well { Outcome::Success } else { crate::support::FAILURE });
                failures += usize::from(!is_well);
            }
            sleep(SECOND / 10).await;
        }
    }

    assert!(outages > 30, "{outages}");
    // One more for the first, which began before there was one that was well.
    assert!(failures <= outages + 1, "{failures} failures in {outages} outages");
}

#[tokio::test(start_paused = true)]
async fn commands_while_open_do_not_end_the_asking() {
    type Command = fn(&Circuit);
    let commands: [(&str, Command); 3] = [
        ("trip", Circuit::trip),
        ("trip_for", |circuit| circuit.trip_for(5 * SECOND)),
        ("reconfigure", |circuit| {
            circuit.reconfigure(Circuit::builder("").consecutive_failures(2).into_config());
        }),
    ];
    for (which, command) in commands {
        for at in [1, 9, 14] {
            let (circuit, upstream) = (circuit(|b| b), Upstream::default());
            let task = tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
            sleep(SECOND).await;
            fail(&circuit);
            sleep(at * SECOND).await;
            command(&circuit);
            sleep(60 * SECOND).await;

            let before = upstream.asked();
            sleep(100 * SECOND).await;
            assert!(upstream.asked() >= before + 9, "{which} after {at} s");
            upstream.recover();
            sleep(20 * SECOND).await;
            succeed(&circuit);
            assert_eq!(circuit.state(), CircuitState::Closed, "{which} after {at} s");
            task.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_after_the_probe_was_well_has_it_ask_again() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(10 * SECOND, upstream.probe()).run());
    sleep(SECOND).await;
    fail(&circuit);
    upstream.recover();
    sleep(20 * SECOND).await;
    let asked = upstream.asked();

    circuit.trip_for(SECOND);
    sleep(30 * SECOND).await;

    assert!(upstream.asked() > asked, "it was well, and is asked again in the new epoch");
}

#[tokio::test(start_paused = true)]
async fn changes_of_the_circuit_do_not_put_a_probe_off() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(SECOND, upstream.probe()).run());
    sleep(SECOND).await;
    circuit.trip_for(3 * SECOND);
    for _ in 0..5 {
        sleep(SECOND / 10).await;
        // Keeps the epoch.
        circuit.observe_for(100 * SECOND);
    }
    sleep(4 * SECOND).await;

    assert!(upstream.asked() > 0, "{:?}", circuit.snapshot().retry_after);
}

#[tokio::test(start_paused = true)]
async fn a_trip_that_finds_an_override_over_is_probed_as_any() {
    let (circuit, upstream) = (circuit(|b| b), Upstream::default());
    tokio::spawn(circuit.health_probe(SECOND, upstream.probe()).run());
    sleep(SECOND).await;
    circuit.force_open_for(SECOND);
    sleep(2 * SECOND).await;
    circuit.trip_for(2 * SECOND);
    sleep(4 * SECOND).await;

    assert!(upstream.asked() > 0, "{:?}", circuit.snapshot().retry_after);
}
