//! Groups of circuits: a switch for all members, and a cap on how many may be open.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::slice::from_ref;

use crate::circuit::Circuit;
use crate::engine::machine::isolator::Isolator;
use crate::engine::machine::open_cap::{OpenCap, OpenCounter};
use crate::group::isolation::Scope;
use crate::group::members::{Isolated, Members};
use crate::sync::{Arc, Mutex, lock};

pub use crate::group::isolation::Isolation;

mod isolation;
mod members;

/// A group of circuits that are switched off together, or of which some must stay closed.
///
/// Clones are the same group. A circuit may be in several groups; no group keeps it alive. A call
/// through a circuit costs the same in a group as outside of it: only a trip asks the group.
///
/// # When to use it
///
/// - **A switch** for all circuits of one vendor, one data centre or one feature: while an
///   [`Isolation`] lives, every member rejects its calls. For maintenance, drills, and for code that
///   knows more than any one circuit does. See [`isolate`](Self::isolate).
/// - **A cap** for replicas of one upstream behind a balancer: when all of them get slow at once,
///   the
///   load or the network is to blame more often than each of them, and a client that cuts off all
///   replicas has none left to ask. See [`at_most_open`](Self::at_most_open).
///
/// # When not
///
/// A cap is wrong for upstreams that do not stand in for each other: one that is down would still
/// be called, and hold up its callers, only because others are down, too. One circuit for all of
/// them is wrong as well: a group keeps the results of each apart. To switch off a single circuit,
/// use [`force_open`](Circuit::force_open). A group lives in one process.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitState, OpenCap};
///
/// let replicas = ["a", "b", "c"].map(|name| Circuit::builder(name).consecutive_failures(1).build());
/// let group = CircuitGroup::new("plants").at_most_open(OpenCap::half());
/// for replica in &replicas {
///     group.add(replica);
/// }
///
/// // All of them fail: one of three may be cut off, and the others are called on.
/// for replica in &replicas {
///     let _ = replica.run(|| Err::<(), _>("timed out"));
/// }
/// assert_eq!(replicas.each_ref().map(Circuit::state), [
///     CircuitState::Open,
///     CircuitState::Closed,
///     CircuitState::Closed,
/// ]);
/// assert_eq!(replicas[1].snapshot().totals.trips_prevented, 1);
///
/// // The vendor announced maintenance.
/// let isolation = group.isolate();
/// assert!(replicas.iter().all(|replica| replica.try_acquire().is_err()));
/// drop(isolation);
/// assert!(replicas.iter().all(|replica| replica.try_acquire().is_ok()));
/// ```
#[derive(Clone)]
#[doc(alias = "CircuitBreakerManualControl")]
pub struct CircuitGroup {
    shared: Arc<GroupState>,
}

struct GroupState {
    name: Arc<str>,
    places: Arc<OpenCounter>,
    members: Mutex<Members>,
}

// As the circuits that it holds.
impl UnwindSafe for CircuitGroup {}
impl RefUnwindSafe for CircuitGroup {}

impl CircuitGroup {
    /// Makes an empty group, of which any number of members may be open.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let (places, members) = (Arc::new(OpenCounter::new()), Mutex::default());
        Self { shared: Arc::new(GroupState { name: name.into(), places, members }) }
    }

    /// Limits how many members may trip at once; at least one always stays closed.
    ///
    /// **Default**: any number. A member that is to trip takes a place, atomically with its trip,
    /// and keeps it until it is closed again: also while it is half-open. It gives the place back,
    /// too, when it leaves the group or is dropped. A member that finds no place left stays closed,
    /// keeps counting, and asks again at its next failure; `trips_prevented` of its
    /// [`Totals`](crate::Totals) says how often. Until then each of its failures costs a short
    /// lock. In several groups it needs a place in each.
    ///
    /// The cap holds for every trip rule, and for an upstream that asks for a trip
    /// ([`Outcome::TripFor`](crate::Outcome::TripFor)). It stops neither operators that trip, force
    /// open or isolate, nor a fleet, nor a circuit that was open when it joined or is restored as
    /// open ([`restore`](crate::CircuitBuilder::restore)). Those circuits take places even if none
    /// is left, so that more may be open than the cap allows; no further member trips then until
    /// enough are closed. Under [observation](Circuit::observe) a circuit rejects nothing, and
    /// takes no place.
    ///
    /// May be called at any time, and applies to all clones: members that are open stay so.
    #[must_use]
    pub fn at_most_open(self, cap: OpenCap) -> Self {
        self.shared.places.cap_at(cap);
        self
    }

    /// Returns the name of the group.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Adds a circuit, which is isolated at once if the group is.
    ///
    /// Adding a member again changes nothing.
    pub fn add(&self, circuit: &Circuit) {
        let is_isolated = {
            let mut members = lock(&self.shared.members);
            if !members.add(circuit) {
                return;
            }
            // No user code, and the order of the two locks is always this.
            circuit.join(&self.shared.places);
            members.is_isolated()
        };
        if is_isolated {
            self.isolate_each(from_ref(circuit));
        }
    }

    /// Removes a circuit, and ends its isolation by this group.
    ///
    /// It gives back its place. A circuit that is not a member stays as it is.
    pub fn remove(&self, circuit: &Circuit) {
        let removed = {
            let mut members = lock(&self.shared.members);
            let removed = members.remove(circuit);
            if removed.is_some() {
                circuit.leave(&self.shared.places);
            }
            removed
        };
        // After the lock: the end of its isolation is delivered to listeners.
        drop(removed);
    }

    /// Returns the present members, in the order in which they joined.
    #[must_use]
    pub fn members(&self) -> Vec<Circuit> {
        lock(&self.shared.members).circuits()
    }

    /// Returns how many members are open, half-open or isolated now, without a lock.
    #[must_use]
    pub fn open_members(&self) -> u64 {
        self.shared.places.open()
    }

    /// Returns how many of the present members may trip; `None` for any number.
    ///
    /// See [`at_most_open`](Self::at_most_open).
    #[must_use]
    pub fn most_open(&self) -> Option<u64> {
        self.shared.places.most_open()
    }

    /// Returns whether an [`Isolation`] of this group exists.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        lock(&self.shared.members).is_isolated()
    }

    /// Forces every member open, present and future, until the handle and all its clones are
    /// dropped.
    ///
    /// See [`Isolation`].
    pub fn isolate(&self) -> Isolation {
        self.isolate_for(None)
    }

    /// Isolates as [`isolate`](Self::isolate) does, for a reason that snapshots show.
    ///
    /// Their JSON does not: it is not for operators alone.
    ///
    /// Where the group is isolated already, they go on to show the first reason.
    pub fn isolate_because(&self, reason: impl Into<Arc<str>>) -> Isolation {
        self.isolate_for(Some(reason.into()))
    }

    fn isolate_for(&self, reason: Option<Arc<str>>) -> Isolation {
        let by = Isolator { group: Some(Arc::clone(&self.shared.name)), reason };
        let members = lock(&self.shared.members).begin_isolation(by);
        let isolation = Isolation::new(Scope::Group(Switch(self.clone())));
        self.isolate_each(&members);
        isolation
    }

    /// Isolates each of these, if it still is a member of an isolated group.
    fn isolate_each(&self, circuits: &[Circuit]) {
        for circuit in circuits {
            // Before the lock, since listeners are called; so it may be too late, or done already.
            let by = lock(&self.shared.members).isolator();
            let isolated = Isolated::new(circuit, by);
            let unneeded = lock(&self.shared.members).keep(circuit, isolated);
            drop(unneeded);
        }
    }
}

impl fmt::Debug for CircuitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitGroup")
            .field("name", &self.name())
            .field("members", &self.members())
            .field("open_members", &self.open_members())
            .finish_non_exhaustive()
    }
}

/// One isolation of a group, until this is dropped.
struct Switch(CircuitGroup);

impl Drop for Switch {
    fn drop(&mut self) {
        let ended = lock(&self.0.shared.members).end_isolation();
        // After the lock, as in `remove`.
        drop(ended);
    }
}
