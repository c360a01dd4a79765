//! Listeners that are removed again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitRegistry, Interest, Listener, ListenerHandle,
};

use crate::listeners::everything;
use crate::support::{circuit, fail, rejection, succeed};

/// Counts what it hears, and says when it is dropped.
struct Counter(Arc<AtomicUsize>, Interest);

impl Listener for Counter {
    fn on_event(&self, _: &CircuitEvent) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn interest(&self) -> Interest {
        self.1
    }
}

fn heard(counter: &Arc<AtomicUsize>) -> usize {
    counter.load(Ordering::SeqCst)
}

#[test]
fn a_removed_listener_hears_nothing_more_and_is_dropped() {
    let (circuit, _) = circuit(|b| b);
    let count = Arc::new(AtomicUsize::new(0));
    let all = Interest::CHANGES | Interest::CALLS | Interest::REJECTIONS;
    let handle = circuit.on_event(Counter(Arc::clone(&count), all));
    let others = everything();
    circuit.on_event(others);
    circuit.trip();
    rejection(&circuit);
    assert_eq!(heard(&count), 2);

    assert!(handle.remove());
    assert_eq!(Arc::strong_count(&count), 1, "it was dropped");
    circuit.reset();
    succeed(&circuit);

    assert_eq!(heard(&count), 2);
    assert_eq!(others.0.lock().unwrap().len(), 4, "the other one hears all");
    assert!(!handle.remove(), "once is enough");
}

#[test]
fn a_handle_that_is_dropped_leaves_its_listener() {
    let (circuit, _) = circuit(|b| b);
    let count = Arc::new(AtomicUsize::new(0));

    drop(circuit.on_event(Counter(Arc::clone(&count), Interest::CHANGES)));
    circuit.trip();

    assert_eq!(heard(&count), 1);
}

#[test]
fn a_handle_outlives_its_circuit() {
    let (circuit, _) = circuit(|b| b);
    let handle = circuit.on_event(|_: &CircuitEvent| {});
    drop(circuit);

    assert!(!handle.remove());
}

#[test]
fn two_listeners_of_one_type_are_told_apart() {
    let (circuit, _) = circuit(|b| b);
    let counts = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let add =
        |count: &Arc<AtomicUsize>| circuit.on_event(Counter(Arc::clone(count), Interest::CHANGES));
    let [first, _second] = [add(&counts[0]), add(&counts[1])];

    assert!(first.remove());
    circuit.trip();

    assert_eq!(counts.each_ref().map(heard), [0, 1]);
}

#[test]
fn a_listener_may_remove_itself() {
    let (circuit, _) = circuit(|b| b);
    let handle: Arc<OnceLock<ListenerHandle>> = Arc::default();
    let heard = Arc::new(AtomicUsize::new(0));
    let (own, counter) = (Arc::clone(&handle), Arc::clone(&heard));
    let added = circuit.on_event(move |_: &CircuitEvent| {
        counter.fetch_add(1, Ordering::SeqCst);
        own.get().unwrap().remove();
    });
    handle.set(added).unwrap();

    circuit.trip();
    circuit.reset();

    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

#[test]
fn events_that_wait_for_a_removed_listener_are_dropped() {
    let (circuit, _) = circuit(|b| b);
    let (entered, wait_for_entry) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    let handle = circuit.on_event(move |_: &CircuitEvent| {
        counter.fetch_add(1, Ordering::SeqCst);
        entered.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
    });
    let other = circuit.clone();
    let thread = std::thread::spawn(move || other.trip());
    wait_for_entry.recv().unwrap();
    circuit.reset();
    circuit.trip();

    assert!(handle.remove());
    go_on.send(()).unwrap();
    thread.join().unwrap();

    assert_eq!(heard.load(Ordering::SeqCst), 1);
    assert_eq!(circuit.snapshot().listeners.missed, 0);
}

#[test]
fn a_listener_of_a_registry_is_removed_from_all_its_circuits() {
    let registry = CircuitRegistry::new();
    let count = Arc::new(AtomicUsize::new(0));
    let before = registry.get_or_create("before");
    let handle = registry.on_event(Counter(Arc::clone(&count), Interest::CHANGES));
    let after = registry.get_or_create("after");
    [&before, &after].into_iter().for_each(|it| it.trip());
    assert_eq!(heard(&count), 2);

    assert!(handle.remove());
    let later = registry.get_or_create("later");
    [&before, &after].into_iter().for_each(|it| it.reset());
    later.trip();

    assert_eq!(heard(&count), 2);
    assert_eq!(Arc::strong_count(&count), 1, "it was dropped");
    assert!(!handle.remove());
    drop(registry);
    assert!(!handle.remove());
}

#[test]
fn a_listener_that_is_dropped_may_use_its_circuit() {
    struct Uses(Circuit);

    impl Listener for Uses {
        fn on_event(&self, _: &CircuitEvent) {}
    }

    impl Drop for Uses {
        fn drop(&mut self) {
            self.0.trip();
            self.0.on_event(|_: &CircuitEvent| {});
        }
    }

    let (circuit, _) = circuit(|b| b);
    let handle = circuit.on_event(Uses(circuit.clone()));

    assert!(handle.remove());

    assert_eq!(circuit.snapshot().totals.trips, 1);
}

#[test]
fn listeners_come_and_go_while_calls_go_on() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let circuit = circuit.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let count = Arc::new(AtomicUsize::new(0));
                    let handle = circuit.on_event(Counter(Arc::clone(&count), Interest::CALLS));
                    if number % 2 == 0 {
                        succeed(&circuit);
                    }
                    assert!(handle.remove());
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    // Whatever order they went in, no call is told, or timed, any more.
    let all = everything();
    let call = circuit.try_acquire().unwrap();
    circuit.on_event(all);
    call.record(tower_circuit_breaker::Outcome::Success);
    let told = all.0.lock().unwrap();
    assert!(matches!(told[..], [CircuitEvent::Succeeded { elapsed: None, .. }]), "{told:?}");
}

#[test]
fn a_removed_listener_does_not_come_back_with_new_settings() {
    let (circuit, _) = circuit(|b| b);
    let count = Arc::new(AtomicUsize::new(0));
    let handle = circuit.on_event(Counter(Arc::clone(&count), Interest::CALLS));
    handle.remove();

    circuit.reconfigure(Circuit::builder("other").consecutive_failures(7).into_config());
    fail(&circuit);

    assert_eq!(heard(&count), 0);
}
