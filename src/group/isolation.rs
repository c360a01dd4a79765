//! Handles that keep circuits forced open.

use std::fmt;

use crate::circuit::Circuit;
use crate::group::Switch;
use crate::group::members::Isolated;
use crate::sync::Arc;

/// Keeps a circuit, or all members of a group, forced open for as long as it or a clone of it lives.
///
/// Made by [`CircuitGroup::isolate`](crate::CircuitGroup::isolate) and [`Circuit::isolate`]. Calls are rejected as
/// [`ForcedOpen`](crate::RejectReason::ForcedOpen), and [`CircuitSnapshot`](crate::CircuitSnapshot) tells by
/// `isolations` that it is not, or not only, an operator's [`force_open`](Circuit::force_open). The handle may be sent to
/// and dropped in any thread. It keeps its group alive, but no circuit.
///
/// # What wins
///
/// Isolation is a layer of its own above what operators say to a circuit. Handles are counted, of all its
/// groups and its own together: while there is one, the circuit is forced open; after the last it is what
/// operators have said by then, whether before or meanwhile. The order does not matter.
///
/// | operators' last word, before or during the isolation | during it | after it |
/// |---|---|---|
/// | none, or [`release`](Circuit::release) | forced open | closed, everything cleared |
/// | [`force_open`](Circuit::force_open) | forced open | forced open, unchanged |
/// | [`force_closed`](Circuit::force_closed) | forced open | forced closed |
/// | [`observe`](Circuit::observe) | forced open | observing, closed, everything cleared |
///
/// So `release` does not end an isolation: drop the handle, or [remove](crate::CircuitGroup::remove) the
/// circuit from the group. [`trip`](Circuit::trip) and [`reset`](Circuit::reset) leave no trace, since the
/// epoch in which they are given ends with the isolation; nor does one that was open or half-open before, nor
/// a ramp, nor what a throttle had learnt: after it all calls are admitted.
/// What a fleet forces or releases (feature `redis`) is kept as an operator's word is; its other verdicts
/// are passed over meanwhile.
///
/// Isolating and ending it are told to listeners as changes of the override, by the reason
/// [`Operator`](crate::ChangeReason::Operator), on the thread that made or dropped the handle.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Circuit, Override};
///
/// let circuit = Circuit::builder("vendor").build();
///
/// let maintenance = circuit.isolate();
/// circuit.force_closed(); // somebody steps in: it holds once the maintenance is over
/// assert_eq!(circuit.snapshot().overridden, Some(Override::ForcedOpen));
///
/// drop(maintenance);
/// assert_eq!(circuit.snapshot().overridden, Some(Override::ForcedClosed));
/// ```
#[derive(Clone)]
#[must_use = "the circuits go back as soon as it is dropped"]
pub struct Isolation {
    scope: Arc<Scope>,
}

pub(super) enum Scope {
    Circuit(Isolated),
    Group(Switch),
}

impl Isolation {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope: Arc::new(scope) }
    }
}

impl Circuit {
    /// Forces the circuit open while the handle or a clone of it lives.
    ///
    /// Unlike [`force_open`](Self::force_open) it needs nobody who remembers to release it, several may do it at once, and it
    /// leaves alone what operators say. See [`Isolation`]; for several circuits, see
    /// [`CircuitGroup`](crate::CircuitGroup).
    pub fn isolate(&self) -> Isolation {
        Isolation::new(Scope::Circuit(Isolated::new(self)))
    }
}

impl fmt::Debug for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Isolation");
        match &*self.scope {
            Scope::Circuit(isolated) => tuple.field(&isolated.circuit()),
            Scope::Group(switch) => tuple.field(&switch.0),
        };
        tuple.finish()
    }
}
