//! As many circuits as a process may ever have.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tower_circuit_breaker::{CircuitRegistry, CircuitSnapshot, CircuitState, Clock, Health};

use crate::support::{fail, succeed};

#[test]
fn ten_thousand_circuits_are_each_their_own() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(1));
    let names: Vec<_> = (0..10_000).map(|number| format!("host-{number}")).collect();
    for name in &names {
        succeed(&registry.get_or_create(name));
    }

    fail(&registry.get_or_create(&names[7_777]));

    let is_open = |snapshot: &&CircuitSnapshot| snapshot.state == CircuitState::Open;
    let snapshots = registry.snapshots();
    assert_eq!(snapshots.len(), 10_000);
    assert!(snapshots.iter().all(|snapshot| snapshot.totals.successes == 1));
    let open: Vec<_> = snapshots.iter().filter(is_open).map(|snapshot| &*snapshot.name).collect();
    assert_eq!(open, ["host-7777"]);
    assert_eq!(registry.health(), Health::Degraded);
    assert!(names.iter().all(|name| registry.get(name).unwrap().name() == name));
}

/// Runs calls through its registry whenever somebody asks it for the time.
#[derive(Clone, Default)]
struct Busy {
    registry: Arc<OnceLock<CircuitRegistry>>,
    is_on: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
}

impl Clock for Busy {
    fn now(&self) -> Duration {
        // Off meanwhile: the calls ask for the time, too.
        if self.is_on.swap(false, Ordering::SeqCst) {
            thread::scope(|threads| threads.spawn(|| self.work()).join()).unwrap();
            self.is_on.store(true, Ordering::SeqCst);
        }
        Duration::ZERO
    }
}

impl Busy {
    fn work(&self) {
        let registry = self.registry.get().unwrap();
        for name in ["a", "b", "c"] {
            succeed(&registry.get(name).unwrap());
        }
        registry.get("open").unwrap().try_acquire().unwrap_err();
        succeed(&registry.get_or_create("new"));
        registry.remove("new").unwrap();
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn calls_and_newcomers_wait_for_no_snapshot_of_all() {
    let clock = Busy::default();
    let of_circuits = clock.clone();
    let registry = CircuitRegistry::with_template(move |builder| {
        builder.consecutive_failures(1).clock(of_circuits.clone())
    });
    clock.registry.set(registry.clone()).unwrap();
    for name in ["a", "b", "c", "open"] {
        registry.get_or_create(name);
    }
    registry.get("open").unwrap().trip();
    clock.is_on.store(true, Ordering::SeqCst);

    let snapshots = registry.snapshots();

    clock.is_on.store(false, Ordering::SeqCst);
    assert_eq!(snapshots.len(), 4);
    assert_eq!(clock.calls.load(Ordering::SeqCst), 4, "while each snapshot was taken");
    assert_eq!(registry.get("a").unwrap().snapshot().totals.successes, 4);
    assert_eq!(registry.get("open").unwrap().snapshot().totals.rejected, 4);
}
