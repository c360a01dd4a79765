//! Race models of circuits by name.

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::races::Stopped;
use crate::registry::CircuitRegistry;

fn registry() -> CircuitRegistry {
    CircuitRegistry::with_template(|builder| builder.clock(Stopped))
}

/// L11: a thread that asks for a new name gets the circuit that all others get.
#[test]
fn two_askers_for_one_new_name() {
    explore(Depth::Every, 5, &["kept-twice"], || {
        let registry = registry();
        let (a, b) = (registry.clone(), registry.clone());
        let (first, second) = race(move || a.get_or_create("api"), move || b.get_or_create("api"));
        assert!(first.is_same(&second));
        assert!(registry.get("api").is_some_and(|kept| kept.is_same(&first)));
    });
}

/// The same while a third takes the name out: one of the two may then have a circuit of its own,
/// but not one that somebody else could have had.
#[test]
fn two_askers_for_one_name_that_is_taken_out() {
    explore(Depth::Three, 5, &["kept-twice"], || {
        let registry = registry();
        let (a, b, c) = (registry.clone(), registry.clone(), registry.clone());
        let (first, second, removed) = race_of_three(
            move || a.get_or_create("api"),
            move || b.get_or_create("api"),
            move || c.remove("api"),
        );
        let kept = registry.get("api");
        let held = [kept, removed].into_iter().flatten();
        assert!(held.clone().any(|circuit| circuit.is_same(&first)), "lost");
        assert!(held.clone().any(|circuit| circuit.is_same(&second)), "lost");
    });
}
