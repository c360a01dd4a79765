//! Race models of isolation; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race};
use crate::engine::machine::effect::Effect;
use crate::engine::machine::isolator::Isolator;
use crate::engine::machine::races::{START, machine};
use crate::engine::state::{CircuitState, Override};
use crate::sync::Arc;

/// Two handles go at once: nothing keeps the circuit open.
#[test]
fn the_last_two_handles_go() {
    explore(Depth::Every, 4, &["old-isolation"], || {
        let machine = machine(|_| {});
        let [by, other] = [(); 2].map(|()| Arc::<Isolator>::default());
        machine.isolate(&by, START);
        machine.isolate(&other, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (first, second) =
            race(move || a.end_isolation(&by, START), move || b.end_isolation(&other, START));
        let has_changed = |effect: &Effect| matches!(effect, Effect::Changed(_));
        assert!(has_changed(&first) != has_changed(&second));
        assert_eq!(machine.word().state(), CircuitState::Closed);
        assert_eq!(machine.word().overridden(), None);
    });
}

/// One handle comes as another goes: the circuit is isolated.
#[test]
fn a_handle_against_another_that_goes() {
    explore(Depth::Every, 4, &["old-isolation"], || {
        let machine = machine(|_| {});
        let [by, other] = [(); 2].map(|()| Arc::<Isolator>::default());
        machine.isolate(&by, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        race(move || drop(a.end_isolation(&by, START)), move || drop(b.isolate(&other, START)));
        assert_eq!(machine.lock().isolations().len(), 1);
        assert_eq!(machine.word().overridden(), Some(Override::ForcedOpen));
    });
}

/// L9: an operator imposes an override as the last handle goes: the override holds.
#[test]
fn an_operator_against_the_last_handle() {
    explore(Depth::Every, 4, &[], || {
        let machine = machine(|_| {});
        let by = Arc::<Isolator>::default();
        machine.isolate(&by, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        race(
            move || drop(a.end_isolation(&by, START)),
            move || drop(b.force(Override::ForcedClosed, None, START)),
        );
        assert_eq!(machine.word().overridden(), Some(Override::ForcedClosed));
        assert_eq!(machine.word().state(), CircuitState::Closed);
    });
}
