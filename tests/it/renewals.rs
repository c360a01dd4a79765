//! Rules 28 and 29: commands within a state, and what is told of a change whatever user code does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, Clock, Delivery, Interest, Listener,
    Override,
};

use crate::support::{SECOND, circuit, fail, ready_to_probe, succeed};

/// The events that a listener of changes hears.
fn heard(circuit: &Circuit) -> Arc<Mutex<Vec<CircuitEvent>>> {
    let heard = Arc::<Mutex<Vec<CircuitEvent>>>::default();
    let kept = Arc::clone(&heard);
    circuit.on_event(move |event: &CircuitEvent| kept.lock().unwrap().push(event.clone()));
    heard
}

/// State, open time and epoch of a renewal.
fn renewed(event: &CircuitEvent) -> (CircuitState, Option<Duration>, u64) {
    match event {
        CircuitEvent::Renewed { state, reason, epoch, open_for, .. } => {
            assert_eq!(*reason, ChangeReason::Operator);
            (*state, *open_for, *epoch)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_within_a_state_are_told() {
    use CircuitState::{Closed, Open};
    let (circuit, _) = circuit(|b| b.open_for(10 * SECOND));
    let heard = heard(&circuit);

    circuit.reset();
    circuit.reconfigure(Circuit::builder("").consecutive_failures(9).into_config());
    circuit.trip();
    circuit.trip_for(7 * SECOND);
    circuit.trip_for(9 * SECOND);
    circuit.reconfigure(Circuit::builder("").consecutive_failures(8).into_config());

    let told = heard.lock().unwrap().clone();
    assert_eq!(renewed(&told[0]), (Closed, None, 2));
    assert_eq!(renewed(&told[1]), (Closed, None, 3));
    assert!(matches!(told[2], CircuitEvent::StateChanged { epoch: 4, .. }), "{told:?}");
    assert_eq!(renewed(&told[3]), (Open, Some(7 * SECOND), 5));
    assert_eq!(renewed(&told[4]), (Open, Some(9 * SECOND), 6));
    assert_eq!(renewed(&told[5]), (Open, None, 7));
    assert_eq!(told.len(), 6);
    let kept: Vec<_> = circuit.recent_events().into_iter().map(|recent| recent.event).collect();
    assert_eq!(kept, told, "and are in the history");
    let open = circuit.snapshot().retry_after;
    assert_eq!(open, Some(9 * SECOND), "new settings leave the open time as it was");
}

#[test]
fn forced_circuits_tell_of_resets_and_trips() {
    for (force, state) in [
        (Circuit::force_open as fn(&Circuit), CircuitState::Open),
        (Circuit::force_closed, CircuitState::Closed),
    ] {
        let (circuit, _) = circuit(|b| b);
        force(&circuit);
        let heard = heard(&circuit);

        circuit.reset();
        circuit.trip();
        force(&circuit);

        let told = heard.lock().unwrap().clone();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|event| renewed(event).0 == state), "{told:?}");
    }
}

#[test]
fn an_override_that_changes_says_its_epoch_and_is_no_renewal_besides() {
    let (circuit, _) = circuit(|b| b);
    let heard = heard(&circuit);

    circuit.force_closed();

    let told = heard.lock().unwrap().clone();
    let forced = Some(Override::ForcedClosed);
    assert!(
        matches!(told[..], [CircuitEvent::Overridden { to, epoch: 2, .. }] if to == forced),
        "{told:?}"
    );
}

#[test]
fn a_trip_by_an_operator_is_the_last_trip_and_counts_where_it_opened() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_for(10 * SECOND));
    fail(&circuit);
    clock.advance(3 * SECOND);
    circuit.trip_for(60 * SECOND);

    let snapshot = circuit.snapshot();
    let last = snapshot.last_trip.expect("it has tripped");
    assert_eq!((last.reason, last.open_for), (ChangeReason::Operator, 60 * SECOND));
    assert_eq!((last.ago, snapshot.totals.trips), (Duration::ZERO, 1));

    clock.advance(60 * SECOND);
    drop(circuit.try_acquire());
    circuit.trip();
    let snapshot = circuit.snapshot();
    let last = snapshot.last_trip.expect("it has tripped");
    assert_eq!((last.reason, last.ago), (ChangeReason::Operator, Duration::ZERO));
    assert_eq!(snapshot.totals.trips, 1, "it was half-open");
    assert_eq!(snapshot.transitions.half_open_to_open, 1);
}

#[test]
fn a_failed_probe_leaves_the_last_trip_as_it_was() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    fail(&circuit);
    clock.advance(30 * SECOND);
    fail(&circuit);

    let last = circuit.snapshot().last_trip.expect("it has tripped");

    assert_eq!((last.reason, last.ago), (ChangeReason::ConsecutiveFailures, 30 * SECOND));
}

#[test]
fn who_reads_at_its_own_pace_hears_of_each_epoch() {
    let (circuit, clock) = circuit(|b| b);
    let mut changes = circuit.subscribe();
    circuit.trip();
    circuit.trip();
    ready_to_probe(&circuit, &clock);
    succeed(&circuit);
    circuit.reset();

    let mut epochs = Vec::new();
    while let Some(Some(Delivery::Event(event))) = changes.next().now_or_never() {
        epochs.push(match event {
            CircuitEvent::StateChanged { epoch, .. }
            | CircuitEvent::Renewed { epoch, .. }
            | CircuitEvent::Overridden { epoch, .. } => epoch,
            other => panic!("{other:?}"),
        });
    }

    assert_eq!(epochs, (2..=circuit.snapshot().epoch).collect::<Vec<_>>());
}

/// Panics at its reading of this number.
#[derive(Clone)]
struct Panicking {
    readings: Arc<AtomicU64>,
    panics_at: Arc<AtomicU64>,
}

impl Clock for Panicking {
    fn now(&self) -> Duration {
        let reading = self.readings.fetch_add(1, Ordering::SeqCst);
        assert_ne!(reading, self.panics_at.load(Ordering::SeqCst), "a clock");
        Duration::from_secs(reading)
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_clock_that_panics_at_any_reading_deafens_nobody() {
    type Doing = fn(&Circuit);
    let doings: [(&str, Doing); 6] = [
        ("trip", Circuit::trip),
        ("reset", Circuit::reset),
        ("force_open", Circuit::force_open),
        ("observe", Circuit::observe),
        ("a failure", |circuit| drop(circuit.run(|| Err::<(), _>("down")))),
        ("a dropped call", |circuit| drop(circuit.try_acquire())),
    ];
    for (which, doing) in doings {
        for after in 0..6 {
            let (readings, panics_at) = (Arc::default(), Arc::new(AtomicU64::new(u64::MAX)));
            let clock = Panicking { readings: Arc::clone(&readings), panics_at };
            let circuit = Circuit::builder("api")
                .consecutive_failures(1)
                .abandoned_after(SECOND)
                .clock(clock.clone())
                .build();
            let heard = heard(&circuit);
            let next = readings.load(Ordering::SeqCst) + after;
            clock.panics_at.store(next, Ordering::SeqCst);
            let _ = catch_unwind(AssertUnwindSafe(|| doing(&circuit)));
            clock.panics_at.store(u64::MAX, Ordering::SeqCst);

            circuit.release();
            circuit.reset();
            circuit.force_open();

            let told = heard.lock().unwrap().clone();
            let last = Some(Override::ForcedOpen);
            assert!(
                matches!(told.last(), Some(CircuitEvent::Overridden { to, .. }) if *to == last),
                "{which}, reading {after}: {told:?}"
            );
        }
    }
}

#[test]
fn a_listener_of_calls_that_does_not_return_holds_back_no_change() {
    struct Blocks(Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>);
    impl Listener for Blocks {
        fn on_event(&self, event: &CircuitEvent) {
            let CircuitEvent::Failed { .. } = event else { return };
            let blocked = self.0.lock().unwrap().take();
            if let Some((entered, leave)) = blocked {
                entered.send(()).unwrap();
                let _ = leave.recv();
            }
        }

        fn interest(&self) -> Interest {
            Interest::CALLS
        }
    }
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let ((entered, is_entered), (leave, may_leave)) = (mpsc::channel(), mpsc::channel());
    circuit.on_event(Blocks(Mutex::new(Some((entered, may_leave)))));
    let mut changes = circuit.subscribe();
    let blocked = std::thread::spawn(move || fail(&circuit));
    is_entered.recv().unwrap();

    let tripped = changes.next().now_or_never();

    let is_trip = matches!(tripped, Some(Some(Delivery::Event(CircuitEvent::StateChanged { .. }))));
    assert!(is_trip, "{tripped:?}");
    leave.send(()).unwrap();
    blocked.join().unwrap();
}
