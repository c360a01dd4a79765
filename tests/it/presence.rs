//! Listeners that hear of circuits that come and go.

use std::sync::{Arc, Mutex};

use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitRegistry, Interest, Listener, Override};

use crate::keyed::{call, layer_with};

/// Keeps what it hears.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<CircuitEvent>>>);

impl Heard {
    fn take(&self) -> Vec<CircuitEvent> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// What it has heard since the last time, in short.
    fn in_short(&self) -> Vec<String> {
        self.take().iter().map(in_short).collect()
    }
}

impl Listener for Heard {
    fn on_event(&self, event: &CircuitEvent) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::PRESENCE
    }
}

/// A closure that asks for it.
struct Asking<F>(F);

impl<F: Fn(&CircuitEvent) + Send + Sync + 'static> Listener for Asking<F> {
    fn on_event(&self, event: &CircuitEvent) {
        (self.0)(event);
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::PRESENCE
    }
}

fn in_short(event: &CircuitEvent) -> String {
    match event {
        CircuitEvent::Added { circuit, state, overridden, replaces, .. } => {
            let overridden = overridden.map_or_else(String::new, |it| format!(" {it}"));
            let replaces = replaces.as_ref().map_or_else(String::new, |it| format!(" for {it}"));
            format!("{circuit} added {state}{overridden}{replaces}")
        }
        CircuitEvent::Removed { circuit, .. } => format!("{circuit} removed"),
        CircuitEvent::StateChanged { circuit, to, .. } => format!("{circuit} {to}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_listener_of_a_registry_hears_circuits_come_and_go_around_their_changes() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    registry.get_or_create("early").trip();
    registry.on_event(heard.clone());
    assert_eq!(heard.in_short(), ["early added open"]);

    registry.get_or_create("late").trip();
    let elsewhere = Circuit::builder("elsewhere").build();
    elsewhere.force_open();
    registry.insert(&elsewhere).unwrap();
    registry.insert(&elsewhere).unwrap();
    assert_eq!(
        heard.in_short(),
        ["late added closed", "late open", "elsewhere added open forced_open"]
    );

    let early = registry.remove("early").unwrap();
    assert!(registry.remove("early").is_none());
    assert_eq!(heard.in_short(), ["early removed"]);
    early.reset();
    assert_eq!(heard.in_short(), ["early closed"], "it works on, and keeps its listeners");
}

#[test]
fn a_circuit_that_comes_back_is_heard_once() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    registry.on_event(heard.clone());
    let circuit = registry.get_or_create("api");
    registry.remove("api");
    registry.insert(&circuit).unwrap();
    heard.take();

    circuit.trip();

    assert_eq!(heard.in_short(), ["api open"]);
}

#[test]
fn a_listener_of_one_circuit_hears_that_it_was_added() {
    let (of_builder, heard) = (Heard::default(), Heard::default());
    let circuit = Circuit::builder("api")
        .listener(of_builder.clone())
        .initial_override(Override::Observing)
        .build();
    assert_eq!(of_builder.in_short(), ["api added closed observing"]);

    circuit.on_event(heard.clone());

    assert_eq!(heard.in_short(), ["api added closed observing"]);
    assert!(of_builder.take().is_empty(), "the other is told nothing");
}

#[test]
fn a_circuit_that_comes_back_open_is_added_before_its_change() {
    let saved = CircuitRegistry::new();
    saved.get_or_create("api").trip();
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    registry.on_event(heard.clone());
    registry.restore(saved.export());

    registry.get_or_create("api");

    assert_eq!(heard.in_short(), ["api added closed", "api open"]);
}

#[test]
fn an_evicted_circuit_is_removed_and_the_one_that_replaces_it_says_so() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    registry.on_event(heard.clone());
    let (layer, _) = layer_with(1, Some(&registry));

    assert!(call(&layer, "a", Ok(())));
    assert!(call(&layer, "b", Ok(())));

    assert_eq!(
        heard.in_short(),
        ["api/a added closed", "api/a removed", "api/b added closed for api/a"]
    );
}

#[test]
fn who_does_not_ask_hears_nothing_of_it() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    let log = heard.clone();
    registry.on_event(move |event: &CircuitEvent| log.on_event(event));
    let circuit = registry.get_or_create("api");
    registry.remove("api");

    assert!(heard.take().is_empty());
    assert!(circuit.recent_events().is_empty(), "nor are they among the changes");
}

#[test]
fn a_listener_may_use_the_registry_when_circuits_come_and_go() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    let (within, log) = (registry.clone(), heard.clone());
    registry.on_event(Asking(move |event: &CircuitEvent| {
        log.on_event(event);
        if within.len() < 3 {
            within.get_or_create(&format!("{}+", event.circuit()));
        }
        let _ = within.snapshots();
    }));
    registry.get_or_create("a");

    registry.remove("a++");

    let expected = ["a added closed", "a+ added closed", "a++ added closed", "a++ removed"];
    assert_eq!(heard.in_short()[..4], expected);
    assert_eq!(registry.len(), 3);
}

#[test]
fn all_events_of_a_circuit_share_its_name() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    registry.on_event(heard.clone());
    let name_of = |event: &CircuitEvent| match event {
        CircuitEvent::Added { circuit, .. }
        | CircuitEvent::Removed { circuit, .. }
        | CircuitEvent::StateChanged { circuit, .. } => Arc::clone(circuit),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        registry.get_or_create("api").trip();
        registry.remove("api");
    }

    let names: Vec<_> = heard.take().iter().map(name_of).collect();

    assert_eq!(names.len(), 6);
    for name in &names[..3] {
        assert!(Arc::ptr_eq(name, &names[0]) && !Arc::ptr_eq(name, &names[3]));
    }
}

#[test]
fn a_listener_that_lags_loses_changes_but_not_that_the_circuit_is_gone() {
    let (registry, heard) = (CircuitRegistry::new(), Heard::default());
    let (within, log) = (registry.clone(), heard.clone());
    // Its first event makes all the others, which wait for it.
    registry.on_event(Asking(move |event: &CircuitEvent| {
        log.on_event(event);
        if let CircuitEvent::Added { .. } = event {
            let circuit = within.get("api").unwrap();
            (0..1_100).for_each(|_| circuit.trip());
            within.remove("api");
        }
    }));

    let circuit = registry.get_or_create("api");

    assert_eq!(circuit.snapshot().listeners.missed, 76);
    assert_eq!(heard.in_short().pop().as_deref(), Some("api removed"));
}
