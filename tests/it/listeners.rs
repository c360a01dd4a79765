//! Rule 27: who hears what, when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, Interest, Listener, Override,
};

use crate::support::{SECOND, circuit, fail, ready_to_probe, rejection, succeed};

/// The reasons of all changes of state, as they are told.
pub(crate) fn reasons(circuit: &Circuit) -> Arc<Mutex<Vec<ChangeReason>>> {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&reasons);
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { reason, .. } = event {
            store.lock().unwrap().push(*reason);
        }
    });
    reasons
}

/// Hears everything.
pub(crate) struct Everything(pub(crate) Mutex<Vec<CircuitEvent>>);

impl Listener for &'static Everything {
    fn on_event(&self, event: &CircuitEvent) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::CALLS | Interest::REJECTIONS
    }
}

pub(crate) fn everything() -> &'static Everything {
    Box::leak(Box::new(Everything(Mutex::default())))
}

#[test]
fn changes_are_told_after_they_are_visible() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (store, looked_at) = (Arc::clone(&seen), circuit.clone());
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { to, epoch, .. } = event {
            let snapshot = looked_at.snapshot();
            store.lock().unwrap().push((*to == snapshot.state, *epoch == snapshot.epoch));
        }
    });

    fail(&circuit);
    circuit.reset();

    assert_eq!(*seen.lock().unwrap(), [(true, true), (true, true)]);
}

#[test]
fn commands_that_keep_the_state_tell_no_change_of_state() {
    let (circuit, _) = circuit(|b| b);
    let reasons = reasons(&circuit);

    circuit.reset();
    circuit.trip();
    circuit.trip();
    circuit.force_open();
    circuit.release();

    assert_eq!(*reasons.lock().unwrap(), [ChangeReason::Operator; 2]);
}

#[test]
fn overrides_are_told() {
    let (circuit, _) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);

    circuit.force_open();
    circuit.observe();
    circuit.release();

    let told: Vec<_> = all
        .0
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            CircuitEvent::Overridden { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (None, Some(Override::ForcedOpen)),
            (Some(Override::ForcedOpen), Some(Override::Observing)),
            (Some(Override::Observing), None),
        ]
    );
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panicking_listener_hurts_nobody_else() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    circuit.on_event(|_: &CircuitEvent| std::panic::panic_any("listener"));
    let reasons = reasons(&circuit);

    fail(&circuit);
    circuit.reset();

    assert_eq!(reasons.lock().unwrap().len(), 2);
}

#[test]
fn a_blocked_listener_stops_nobody_else() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let may_leave = Mutex::new(may_leave);
    circuit.on_event(move |_: &CircuitEvent| {
        entered.send(()).unwrap();
        let _ = may_leave.lock().unwrap().recv();
    });
    let reasons = reasons(&circuit);
    let tripping = {
        let circuit = circuit.clone();
        std::thread::spawn(move || circuit.trip())
    };
    is_entered.recv().unwrap();

    circuit.reset();
    circuit.trip();

    assert!(circuit.try_acquire().is_err(), "calls go on");
    assert_eq!(reasons.lock().unwrap().len(), 3, "and so does the other listener");
    drop(leave);
    tripping.join().unwrap();
    assert_eq!(is_entered.try_iter().count(), 2, "the blocked one heard all three in the end");
}

#[test]
fn a_listener_hears_only_what_comes_after_it() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();

    let reasons = reasons(&circuit);
    circuit.reset();

    assert_eq!(reasons.lock().unwrap().len(), 1);
}

#[test]
fn listeners_of_the_builder_hear_everything() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let circuit = Circuit::builder("api")
        .listener(move |_: &CircuitEvent| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .build();

    circuit.trip();

    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn changes_made_by_many_threads_are_told_once_each_and_in_order() {
    let (circuit, _) = circuit(|b| b);
    let told = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&told);
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { from, to, epoch, .. } = event {
            store.lock().unwrap().push((*from, *to, *epoch));
        }
    });
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (circuit, barrier) = (&circuit, &barrier);
            scope.spawn(move || {
                barrier.wait();
                // A listener is kept 1,024 events, however long the thread that tells it waits for a
                // processor.
                for _ in 0..250 {
                    if thread % 2 == 0 { circuit.trip() } else { circuit.reset() }
                }
            });
        }
    });

    let told = told.lock().unwrap();
    let transitions = circuit.snapshot().transitions;
    let made = transitions.closed_to_open + transitions.open_to_closed;
    assert_eq!(told.len() as u64, made);
    assert!(told.windows(2).all(|pair| pair[0].1 == pair[1].0), "from and to make a chain");
    assert!(told.windows(2).all(|pair| pair[0].2 < pair[1].2), "epochs rise");
}

#[test]
fn the_end_of_the_open_time_is_told_before_the_probe_ends() {
    let (circuit, clock) = circuit(|b| b.open_for(SECOND));
    let reasons = reasons(&circuit);
    ready_to_probe(&circuit, &clock);

    let probe = circuit.try_acquire().unwrap();

    assert_eq!(*reasons.lock().unwrap(), [ChangeReason::Operator, ChangeReason::OpenTimeOver]);
    drop(probe);
}

/// Panics, and again when that panic's payload is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any("the payload");
        }
    }
}

struct Bomber;

impl Listener for Bomber {
    fn on_event(&self, _: &CircuitEvent) {
        std::panic::panic_any(Bomb);
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::CALLS
    }
}

#[test]
fn overrides_are_told_with_the_epoch_in_which_they_hold() {
    let (circuit, _) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);

    circuit.observe();
    circuit.force_closed();

    let told = all.0.lock().unwrap().clone();
    assert!(matches!(told[0], CircuitEvent::Overridden { epoch: 1, .. }), "{told:?}");
    assert!(matches!(told[1], CircuitEvent::Overridden { epoch: 2, .. }), "{told:?}");
}

#[test]
fn an_interest_contains_another_only_as_a_whole() {
    let both = Interest::CHANGES | Interest::CALLS;

    assert!(both.contains(Interest::CALLS) && both.contains(both));
    assert!(!Interest::CALLS.contains(both));
}

#[test]
fn listeners_of_one_circuit_hear_each_what_they_ask_for() {
    struct OnlyCalls(Arc<AtomicUsize>);
    impl Listener for OnlyCalls {
        fn on_event(&self, event: &CircuitEvent) {
            assert!(matches!(event, CircuitEvent::Succeeded { .. }), "{event:?}");
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn interest(&self) -> Interest {
            Interest::CALLS
        }
    }
    let (circuit, _) = circuit(|b| b);
    let calls = Arc::<AtomicUsize>::default();
    circuit.on_event(OnlyCalls(Arc::clone(&calls)));
    let all = everything();
    circuit.on_event(all);

    succeed(&circuit);
    circuit.trip();
    rejection(&circuit);

    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(all.0.lock().unwrap().len(), 3);
}

#[test]
fn a_listener_that_is_far_behind_misses_what_comes_after_1024_changes() {
    let (circuit, _) = circuit(|b| b);
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let may_leave = Mutex::new(may_leave);
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { epoch, .. } = event {
            entered.send(*epoch).unwrap();
            let _ = may_leave.lock().unwrap().recv();
        }
    });
    let tripping = {
        let circuit = circuit.clone();
        std::thread::spawn(move || circuit.trip())
    };
    assert_eq!(is_entered.recv(), Ok(2));

    for _ in 0..600 {
        circuit.reset();
        circuit.trip();
    }

    drop(leave);
    tripping.join().unwrap();
    assert_eq!(is_entered.try_iter().collect::<Vec<_>>(), (3..3 + 1024).collect::<Vec<u64>>());
    circuit.reset();
    assert_eq!(is_entered.try_iter().count(), 1, "it has caught up");
    let faults = circuit.snapshot().listeners;
    assert_eq!((faults.missed, faults.panics), (600 * 2 - 1024, 0));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_whose_payload_panics_hurts_nobody_else() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    circuit.on_event(Bomber);
    let reasons = reasons(&circuit);

    fail(&circuit);
    circuit.reset();
    circuit.trip();

    assert_eq!(reasons.lock().unwrap().len(), 3);
}

#[test]
fn listeners_may_call_any_method_of_the_circuit() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let inside = circuit.clone();
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { to: CircuitState::Open, .. } = event {
            assert!(inside.try_acquire().is_err());
            inside.on_event(|_: &CircuitEvent| {});
            inside.reset();
            assert!(inside.snapshot().last_trip.is_some());
        }
    });
    let reasons = reasons(&circuit);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(
        *reasons.lock().unwrap(),
        [ChangeReason::ConsecutiveFailures, ChangeReason::Operator],
        "in order, although the second was made while the first was told"
    );
}
