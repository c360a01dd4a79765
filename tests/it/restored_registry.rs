//! Circuits of a registry that go on from those of an earlier process.

use std::sync::{Arc, Mutex};

use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitRegistry, CircuitState, ManualClock};

use crate::restore::settings;
use crate::support::{SECOND, circuit, fail};

#[test]
fn circuits_of_a_registry_come_back_as_they_are_asked_for() {
    let make = || CircuitRegistry::with_template(|b| settings(b).clock(ManualClock::new()));
    let earlier = make();
    fail(&earlier.get_or_create("down"));
    earlier.get_or_create("closed");
    earlier.get_or_create("forced").force_open();
    let saved: Vec<_> = earlier.export().into_iter().map(|it| it.away_for(SECOND)).collect();
    let names: Vec<_> = saved.iter().map(|saved| saved.name().to_owned()).collect();
    assert_eq!(names, ["closed", "down", "forced"]);

    let later = make();
    let known = later.get_or_create("forced");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    later.on_event(move |event: &CircuitEvent| hears.lock().unwrap().push(event.clone()));
    later.restore(saved);
    let inserted = settings(Circuit::builder("down")).clock(ManualClock::new()).build();
    later.insert(&inserted).unwrap();

    assert_eq!(known.state(), CircuitState::Closed, "it was here already");
    assert_eq!(later.get_or_create("closed").state(), CircuitState::Closed);
    assert_eq!(inserted.snapshot().retry_after, Some(7 * SECOND));
    assert_eq!(heard.lock().unwrap().len(), 1, "listeners of the registry hear of it");
    for name in ["down", "forced"] {
        later.remove(name);
        let again = later.get_or_create(name);
        assert_eq!(again.state(), CircuitState::Closed, "what was saved of {name} is used up");
    }
}

#[test]
fn a_circuit_that_has_changed_already_goes_its_own_way() {
    let earlier = CircuitRegistry::with_template(settings);
    fail(&earlier.get_or_create("api"));
    let later = CircuitRegistry::new();
    later.restore(earlier.export());
    let (circuit, _) = circuit(settings);
    circuit.force_closed();

    later.insert(&circuit).unwrap();

    assert_eq!(circuit.state(), CircuitState::Closed);
}
