//! Isolation: handles that keep circuits forced open.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::circuit::Circuit;
use crate::engine::machine::isolator::Isolator;
use crate::group::Switch;
use crate::group::members::Isolated;
use crate::sync::Arc;

/// Keeps a circuit, or all members of a group, forced open until it and all its clones are dropped.
///
/// Made by [`CircuitGroup::isolate`](crate::CircuitGroup::isolate) and [`Circuit::isolate`]. Calls
/// are rejected as [`ForcedOpen`](crate::RejectReason::ForcedOpen); the `isolations` of a
/// [`CircuitSnapshot`](crate::CircuitSnapshot) tell it from an operator's
/// [`force_open`](Circuit::force_open). The handle may be sent to and dropped in any thread. It
/// keeps its group alive, but no circuit.
///
/// # What wins
///
/// Isolation is a layer of its own above the commands of operators. All handles are counted, those
/// of the circuit and of its groups together: while there is one, the circuit is forced open; after
/// the last one the operators' override holds, whether it was given before or meanwhile. The order
/// does not matter.
///
/// | operators' last command, before or during the isolation | during it | after it |
/// |---|---|---|
/// | none, or [`release`](Circuit::release) | forced open | closed, everything cleared |
/// | [`force_open`](Circuit::force_open) | forced open | forced open, unchanged |
/// | [`force_closed`](Circuit::force_closed) | forced open | forced closed |
/// | [`observe`](Circuit::observe) | forced open | observing, closed, everything cleared |
///
/// An override with an end, such as [`force_open_for`](Circuit::force_open_for), is not stopped by an
/// isolation: its time runs on beneath, and where it is over the circuit is closed after it.
///
/// So `release` does not end an isolation: drop the handle, or
/// [remove](crate::CircuitGroup::remove) the circuit from the group. [`trip`](Circuit::trip) and
/// [`reset`](Circuit::reset) leave no trace, since their epoch ends with the isolation. Nor does an
/// open or half-open state from before, a ramp, or the share of a throttle: after the isolation all
/// calls are admitted. An override or a release by a fleet is kept like an
/// operator's; its other verdicts are ignored meanwhile.
///
/// Listeners receive the beginning and the end of an isolation as changes of the override, with the
/// reason [`Operator`](crate::ChangeReason::Operator), on the thread that made or dropped the
/// handle.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Circuit, Override};
///
/// let circuit = Circuit::builder("vendor").build();
///
/// let maintenance = circuit.isolate();
/// circuit.force_closed(); // an operator's override holds once the maintenance is over
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

// As the circuits that it isolates.
impl UnwindSafe for Isolation {}
impl RefUnwindSafe for Isolation {}

impl Isolation {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope: Arc::new(scope) }
    }
}

impl Circuit {
    /// Forces the circuit open until the handle and all its clones are dropped.
    ///
    /// Unlike [`force_open`](Self::force_open) it needs no release, there may be several at once,
    /// and it does not change the operators' override. See [`Isolation`]; for several circuits, see
    /// [`CircuitGroup`](crate::CircuitGroup).
    pub fn isolate(&self) -> Isolation {
        Isolation::new(Scope::Circuit(Isolated::new(self, Arc::default())))
    }

    /// Isolates as [`isolate`](Self::isolate) does, for a reason that snapshots show.
    ///
    /// Their JSON does not: it is not for operators alone.
    pub fn isolate_because(&self, reason: impl Into<Arc<str>>) -> Isolation {
        let by = Arc::new(Isolator { group: None, reason: Some(reason.into()) });
        Isolation::new(Scope::Circuit(Isolated::new(self, by)))
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
