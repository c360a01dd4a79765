//! Circuits by name.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitRegistry, CircuitState, Health, Interest, Listener,
};

use crate::support::{SECOND, fail, succeed};

#[test]
fn a_name_is_one_circuit_made_by_the_template() {
    let registry = CircuitRegistry::with_template(|builder| {
        let failures = if builder.name() == "strict" { 1 } else { 2 };
        builder.consecutive_failures(failures).open_for(7 * SECOND)
    });

    fail(&registry.get_or_create("strict"));
    fail(&registry.get_or_create("mild"));

    assert_eq!(registry.get_or_create("strict").state(), CircuitState::Open);
    assert_eq!(registry.get("mild").unwrap().state(), CircuitState::Closed);
    assert!(registry.get("other").is_none());
    assert_eq!(registry.len(), 2);
}

#[test]
fn clones_are_the_same_registry() {
    let registry = CircuitRegistry::new();
    let clone = registry.clone();

    registry.get_or_create("api").force_open();

    assert_eq!(clone.get("api").unwrap().state(), CircuitState::Open);
    assert!(!clone.is_empty());
}

#[test]
fn a_circuit_made_elsewhere_can_be_added_once() {
    let registry = CircuitRegistry::default();
    let circuit = Circuit::builder("api").build();

    registry.insert(&circuit).unwrap();
    registry.insert(&circuit).expect("the same one");
    let taken = registry.insert(&Circuit::builder("api").build()).unwrap_err();

    assert_eq!(taken.name(), "api");
    assert_eq!(taken.to_string(), r#"another circuit has the name "api": remove it first"#);
    circuit.force_open();
    assert_eq!(registry.get("api").unwrap().state(), CircuitState::Open);
}

#[test]
fn a_circuit_taken_out_is_no_longer_seen() {
    let registry = CircuitRegistry::new();
    let circuit = registry.get_or_create("api");
    circuit.force_open();

    let removed = registry.remove("api").unwrap();

    assert!(registry.remove("api").is_none());
    assert_eq!(removed.state(), CircuitState::Open);
    assert_eq!(registry.health(), Health::Healthy);
    assert_eq!(registry.get_or_create("api").state(), CircuitState::Closed, "a new one");
}

#[test]
fn circuits_and_snapshots_come_in_the_order_of_their_names() {
    let registry = CircuitRegistry::new();
    for name in ["c", "a", "ä", "B", "b"] {
        succeed(&registry.get_or_create(name));
    }

    let names: Vec<_> = registry.circuits().iter().map(|c| c.name().to_owned()).collect();
    let snapshots = registry.snapshots();

    assert_eq!(names, ["B", "a", "b", "c", "ä"]);
    assert!(snapshots.iter().map(|s| &*s.name).eq(names.iter().map(String::as_str)));
    assert!(snapshots.iter().all(|snapshot| snapshot.totals.successes == 1));
}

#[test]
fn all_can_be_reset_at_once() {
    let registry = CircuitRegistry::new();
    for name in ["a", "b"] {
        registry.get_or_create(name).trip();
    }

    registry.reset_all();

    assert_eq!(registry.health(), Health::Healthy);
}

#[test]
fn health_is_that_of_all_together() {
    use Health::{Degraded, Healthy};
    type Change = fn(&Circuit);
    let (well, trips, forced): (Change, Change, Change) =
        (|_| {}, Circuit::trip, Circuit::force_open);
    let probes: Change = |circuit| {
        circuit.trip_for(std::time::Duration::ZERO);
        Box::leak(Box::new(circuit.try_acquire()));
    };
    let observed: Change = |circuit| {
        circuit.observe();
        circuit.trip();
    };
    let table: [(&[Change], Health); 10] = [
        (&[], Healthy),
        (&[well], Healthy),
        (&[well, well], Healthy),
        (&[well, trips], Degraded),
        (&[well, probes], Degraded),
        (&[probes], Degraded),
        (&[trips, observed], Degraded),
        (&[trips, forced], Degraded),
        (&[trips], Degraded),
        (&[Circuit::force_closed], Degraded),
    ];
    for (row, (changes, expected)) in table.into_iter().enumerate() {
        let registry = CircuitRegistry::new();
        for (number, change) in changes.iter().enumerate() {
            let circuit = registry.get_or_create(&number.to_string());
            change(&circuit);
            assert_eq!(circuit.health(), circuit.snapshot().health(), "row {row}");
        }
        assert_eq!(registry.health(), expected, "row {row}");
    }
}

#[test]
fn a_critical_circuit_that_fails_fails_all() {
    let registry = CircuitRegistry::new();
    registry.mark_critical("payments");
    registry.get_or_create("search");
    assert_eq!(registry.health(), Health::Healthy, "it need not be there");
    assert!(registry.is_critical("payments") && !registry.is_critical("search"));

    registry.get_or_create("payments").trip();
    assert_eq!(registry.health(), Health::Failing);

    registry.get("payments").unwrap().reset();
    registry.get("search").unwrap().trip();
    assert_eq!(registry.health(), Health::Degraded);
}

#[test]
fn a_circuit_can_be_made_critical_and_a_template_can_make_some_so() {
    let registry = CircuitRegistry::with_template(|builder| match builder.name() {
        "payments" => builder.critical(),
        _ => builder,
    });
    let (payments, search) = (registry.get_or_create("payments"), registry.get_or_create("search"));
    assert!(payments.is_critical() && payments.snapshot().critical);
    assert!(registry.is_critical("payments") && !registry.is_critical("search"));

    search.force_open();
    assert_eq!(registry.health(), Health::Degraded);
    payments.trip();
    assert_eq!(registry.health(), Health::Failing);
}

#[test]
fn a_listener_hears_circuits_that_are_there_and_those_to_come() {
    let registry = CircuitRegistry::new();
    let early = registry.get_or_create("early");
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    registry.on_event(move |event: &CircuitEvent| {
        log.lock().unwrap().push(event.circuit().to_owned());
    });

    early.trip();
    registry.get_or_create("late").trip();
    let elsewhere = Circuit::builder("elsewhere").build();
    registry.insert(&elsewhere).unwrap();
    registry.insert(&elsewhere).unwrap();
    elsewhere.trip();

    assert_eq!(*told.lock().unwrap(), ["early", "late", "elsewhere"]);
}

#[test]
fn a_listener_of_all_may_use_the_registry() {
    let registry = CircuitRegistry::new();
    let within = registry.clone();
    registry.on_event(move |event: &CircuitEvent| {
        within.get_or_create(&format!("{}-shadow", event.circuit()));
        let _ = within.health();
    });

    registry.get_or_create("api").trip();

    assert_eq!(registry.len(), 2);
}

#[test]
fn interest_is_asked_once_for_all_circuits() {
    struct Asked(Arc<AtomicUsize>);

    impl Listener for Asked {
        fn on_event(&self, _: &CircuitEvent) {}

        fn interest(&self) -> Interest {
            self.0.fetch_add(1, Ordering::SeqCst);
            Interest::CALLS
        }
    }

    let (registry, asked) = (CircuitRegistry::new(), Arc::<AtomicUsize>::default());
    registry.on_event(Asked(Arc::clone(&asked)));
    for number in 0..3 {
        registry.get_or_create(&number.to_string());
    }

    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_thousand_askers_for_one_name_get_one_circuit() {
    let registry = CircuitRegistry::with_template(|builder| builder.failure_count(1_000));
    let start = Barrier::new(8);
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                start.wait();
                for _ in 0..125 {
                    fail(&registry.get_or_create("api"));
                }
            });
        }
    });

    assert_eq!(registry.len(), 1);
    assert_eq!(registry.get("api").unwrap().snapshot().totals.failures, 1_000, "none was lost");
}

#[test]
fn circuits_come_and_go_while_they_are_looked_at() {
    let registry = CircuitRegistry::new();
    let names: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let registry = &registry;
    thread::scope(|threads| {
        for part in names.chunks(25) {
            threads.spawn(move || {
                for name in part.iter().cycle().take(2_000) {
                    registry.get_or_create(name).trip();
                    registry.remove(name);
                }
                for name in part {
                    registry.get_or_create(name);
                }
            });
        }
        threads.spawn(|| {
            for _ in 0..200 {
                let snapshots = registry.snapshots();
                let seen: HashSet<_> = snapshots.iter().map(|s| &s.name).collect();
                assert_eq!(seen.len(), snapshots.len(), "each once");
                registry.reset_all();
            }
        });
    });

    assert_eq!(registry.len(), 50);
}
