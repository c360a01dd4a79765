use std::task::{Wake, Waker};
use std::time::Duration;

use crate::circuit::Circuit;
use crate::circuit::fleet::Member;
use crate::circuit::wakers::Awaited;
#[cfg(all(feature = "test-util", feature = "tokio"))]
use crate::engine::change::ChangeReason;
use crate::engine::machine::verdict::{Ruling, Verdict};
#[cfg(all(feature = "test-util", feature = "tokio"))]
use crate::engine::state::CircuitState;
use crate::engine::state::Override;
#[cfg(all(feature = "test-util", feature = "tokio"))]
use crate::events::event::CircuitEvent;
use crate::sync::{Arc, AtomicU64, Ordering};

#[cfg(all(feature = "test-util", feature = "tokio"))]
#[test]
fn a_health_probe_keeps_to_the_end_that_the_fleet_said_and_closes_for_all() {
    const SECOND: Duration = Duration::from_secs(1);
    let clock = crate::clock::manual::ManualClock::new();
    let circuit = Circuit::builder("api").clock(clock.clone()).build();
    let open = Ruling::Open { open_for: 10 * SECOND, left: 10 * SECOND, step: 0 };
    circuit.adopt(Verdict { epoch: 7, ruling: open });
    assert_eq!(circuit.open_epoch().unwrap().leave_alone, 10 * SECOND);
    clock.advance(10 * SECOND);

    let open_epoch = circuit.open_epoch().unwrap();
    circuit.extend_open(open_epoch, 20 * SECOND);
    circuit.hold(7, SECOND);
    let left = circuit.snapshot().retry_after;
    assert_eq!(left, Some(20 * SECOND), "the fleet does not end its asking");
    circuit.close_after_probe(open_epoch);

    let event = circuit.recent_events().pop().map(|recent| recent.event);
    assert!(
        matches!(
            event,
            Some(CircuitEvent::StateChanged {
                to: CircuitState::Closed,
                reason: ChangeReason::HealthProbe,
                fleet_epoch: 7,
                ..
            })
        ),
        "{event:?}"
    );
}

#[derive(Default)]
struct Wakes(AtomicU64);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tasks that ask while it is forced open set no timer.
#[test]
fn all_who_wait_hear_that_the_fleet_no_longer_forces_the_circuit_open() {
    let circuit = Circuit::builder("api").build();
    let forced = Ruling::forced(Override::ForcedOpen);
    circuit.adopt(Verdict { epoch: 1, ruling: forced });
    let wakes = [(); 3].map(|()| Arc::<Wakes>::default());
    for wakes in &wakes {
        circuit.wakers().put(Awaited::Admission, None, &Waker::from(Arc::clone(wakes)));
    }

    let time = Duration::from_secs(30);
    let open = Ruling::Open { open_for: time, left: time, step: 0 };
    circuit.adopt(Verdict { epoch: 2, ruling: open });

    assert_eq!(wakes.map(|wakes| wakes.0.load(Ordering::Relaxed)), [1, 1, 1]);
}
