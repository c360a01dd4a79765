//! A health probe, while something else goes on.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitState, Outcome, TokioClock,
};

use crate::support::{SECOND, fail, record, rejection};

/// Trips at one failure, for 30 s.
fn circuit(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> Circuit {
    set(Circuit::builder("api").consecutive_failures(1).clock(TokioClock::new())).build()
}

/// Says this each time, and how often it was asked.
fn answer(is_well: bool) -> (impl FnMut() -> Ready<bool>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let probe = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        ready(is_well)
    };
    (probe, asked)
}

#[tokio::test(start_paused = true)]
async fn what_a_ticker_opens_is_asked_about() {
    let circuit = circuit(|b| b.stalled_calls(1, 5 * SECOND));
    tokio::spawn(circuit.stall_ticker(SECOND));
    let (probe, asked) = answer(true);
    tokio::spawn(circuit.health_probe(10 * SECOND, probe).then_close().run());
    let hung = circuit.try_acquire().unwrap();

    sleep(8 * SECOND).await;
    assert_eq!((circuit.state(), asked.load(Ordering::SeqCst)), (CircuitState::Open, 0));
    sleep(11 * SECOND).await;

    assert_eq!((circuit.state(), asked.load(Ordering::SeqCst)), (CircuitState::Closed, 1));
    sleep(100 * SECOND).await;
    assert_eq!(circuit.state(), CircuitState::Closed, "by a call of before it");
    drop(hung);
}

#[tokio::test(start_paused = true)]
async fn a_keyed_circuit_that_is_watched_may_go_and_ends_the_watch() {
    let template = |b: CircuitBuilder| b.consecutive_failures(1).clock(TokioClock::new());
    let overflow = Circuit::builder("api").clock(TokioClock::new()).build();
    let layer = CircuitBreakerLayer::new(overflow)
        .keyed(|key: &&'static str| (*key).to_owned(), KeyedCircuits::new(template).cap(1));
    let service = layer.layer(service_fn(|key: &'static str| {
        ready(if key == "down" { Err("refused") } else { Ok(()) })
    }));
    let call = |key| service.clone().oneshot(key).now_or_never().unwrap();
    call("down").unwrap_err();
    let (probe, asked) = answer(false);
    let watch = tokio::spawn(layer.circuits()[0].health_probe(10 * SECOND, probe).run());

    for _ in 0..100 {
        sleep(SECOND).await;
        call("well").unwrap();
    }
    assert_eq!((layer.evicted(), layer.overflowed()), (0, 100), "it is open, and stays");
    assert!(asked.load(Ordering::SeqCst) >= 10);
    layer.circuits()[0].reset();
    call("well").unwrap();

    assert_eq!(layer.evicted(), 1);
    watch.await.expect("it ends with its circuit");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_before_the_end_that_a_circuit_comes_back_with() {
    let earlier = circuit(|b| b);
    record(&earlier, Outcome::TripFor(100 * SECOND));
    let later = circuit(|b| b.restore(earlier.export().away_for(10 * SECOND)));
    let (probe, asked) = answer(true);
    tokio::spawn(later.health_probe(10 * SECOND, probe).then_close().run());

    sleep(89 * SECOND).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the upstream asked to be left alone");
    sleep(3 * SECOND).await;

    assert_eq!((asked.load(Ordering::SeqCst), later.state()), (1, CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn other_settings_leave_an_end_that_was_prolonged() {
    let circuit = circuit(|b| b);
    let (probe, asked) = answer(false);
    let task = tokio::spawn(circuit.health_probe(10 * SECOND, probe).run());
    sleep(SECOND).await;
    fail(&circuit);
    sleep(50 * SECOND).await;
    let left = rejection(&circuit).retry_after().unwrap();
    let before = asked.load(Ordering::SeqCst);

    let short = Circuit::builder("").consecutive_failures(1).open_for(SECOND);
    circuit.reconfigure(short.into_config());

    assert_eq!(rejection(&circuit).retry_after(), Some(left));
    sleep(100 * SECOND).await;
    rejection(&circuit);
    assert!(asked.load(Ordering::SeqCst) >= before + 9, "and it is asked on");
    task.abort();
}
