//! Several circuits as one: a switch for all, and a cap on how many may be open.

use std::fmt;
use std::slice::from_ref;

use crate::circuit::Circuit;
use crate::engine::machine::open_cap::{OpenCap, OpenCounter};
use crate::group::isolation::Scope;
use crate::group::members::{Isolated, Members};
use crate::sync::{Arc, Bug, Mutex, lock, planted};

pub use crate::group::isolation::Isolation;

mod isolation;
mod members;

/// Circuits that are switched off together, or of which some must stay closed.
///
/// Clones are the same group. A circuit may be in several; no group keeps it alive. A call through a
/// circuit costs the same in a group as outside of it: only a trip asks the group.
///
/// # When to use it
///
/// - **A switch** for all circuits of one vendor, one data centre or one feature: while an
///   [`Isolation`] lives, every member rejects its calls. For maintenance, drills, and for code that
///   knows more than any one circuit does. See [`isolate`](Self::isolate).
/// - **A cap** for replicas of one upstream behind a balancer: when all of them get slow at once, the
///   load or the network is to blame more often than each of them, and a client that cuts off all
///   has nobody left to ask. See [`at_most_open`](Self::at_most_open).
///
/// # When not
///
/// A cap is wrong for upstreams that do not stand in for each other: one that is down would be called
/// on, and hold its callers up, only because others are down, too. One circuit for all of them is wrong
/// as well: a group keeps what is known of each apart. An operator who means a single circuit says
/// [`force_open`](Circuit::force_open). A group lives in one process.
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

impl CircuitGroup {
    /// A group without members, any number of which may be open.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let (places, members) = (Arc::new(OpenCounter::new()), Mutex::default());
        Self { shared: Arc::new(GroupState { name: name.into(), places, members }) }
    }

    /// Has at most so many members open at once, and always leaves one. **Default**: any number.
    ///
    /// A member that is to trip takes a place, atomically with its trip, and has it until it is closed
    /// again: also while it is half-open. It gives it back, too, when it leaves the group or its last
    /// holder drops it. A member that finds no place left stays closed, keeps counting, and asks
    /// again at its next failure; `trips_prevented` of its [`Totals`](crate::Totals) says how often. Until
    /// then each of its failures costs a short lock. In several groups it needs a place in each.
    ///
    /// Whatever trips by itself obeys: every rule, and an upstream that asks for it
    /// ([`Outcome::TripFor`](crate::Outcome::TripFor)). Nobody else is stopped: operators who trip, force
    /// open or isolate, a fleet, and a circuit that was open when it joined or comes back open
    /// ([`restore`](crate::CircuitBuilder::restore)). Those take places unasked, so that more may be open
    /// than the cap allows; nothing else trips then until enough are closed.
    /// Under [observation](Circuit::observe) a circuit rejects nothing, needs no place and has none.
    ///
    /// May be called at any time, and is true of all clones: those that are open stay so.
    #[must_use]
    pub fn at_most_open(self, cap: OpenCap) -> Self {
        self.shared.places.cap_at(cap);
        self
    }

    /// The name of the group.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Adds a circuit. It is isolated at once if the group is. Adding one again changes nothing.
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

    /// Takes a circuit out. It gives back its place, and goes back to what it would be if the group
    /// did not isolate it. One that is no member stays what it is.
    pub fn remove(&self, circuit: &Circuit) {
        let removed = {
            let mut members = lock(&self.shared.members);
            let removed = members.remove(circuit);
            if removed.is_some() {
                circuit.leave(&self.shared.places);
            }
            removed
        };
        // After the lock: the end of its isolation is told to listeners.
        drop(removed);
    }

    /// The members there are now, in the order in which they joined.
    #[must_use]
    pub fn members(&self) -> Vec<Circuit> {
        lock(&self.shared.members).circuits()
    }

    /// How many members are open, half-open or isolated now, without a lock: those that have a place.
    #[must_use]
    pub fn open_members(&self) -> u64 {
        self.shared.places.open()
    }

    /// Whether an [`Isolation`] of this group lives.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        lock(&self.shared.members).is_isolated()
    }

    /// Forces every member open, those that are here and those to come, while the handle or a clone
    /// of it lives. See [`Isolation`].
    pub fn isolate(&self) -> Isolation {
        let unseen = planted(Bug::UnseenMember).then(|| lock(&self.shared.members).not_isolated());
        let members = lock(&self.shared.members).begin_isolation();
        let isolation = Isolation::new(Scope::Group(Switch(self.clone())));
        self.isolate_each(&unseen.unwrap_or(members));
        isolation
    }

    /// Isolates each of these, if it still is a member of an isolated group.
    fn isolate_each(&self, circuits: &[Circuit]) {
        for circuit in circuits {
            // Before the lock, since it is told to listeners; so it may be too late, or done.
            let isolated = Isolated::new(circuit);
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

/// The group is isolated, once more, until it is dropped.
struct Switch(CircuitGroup);

impl Drop for Switch {
    fn drop(&mut self) {
        let ended = lock(&self.0.shared.members).end_isolation();
        // After the lock, as in `remove`.
        drop(ended);
    }
}
