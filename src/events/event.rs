//! The events of a circuit, and the trait of their listeners.

use std::ops::{BitOr, BitOrAssign};
use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::state::{CircuitState, Override};
use crate::engine::window::counts::WindowCounts;
use crate::error::RejectReason;
use crate::sync::Arc;

/// Receives the events of a circuit.
///
/// Closures `Fn(&CircuitEvent)` are listeners for changes. Changes of state and override, and new
/// epochs of the same state, are delivered after they are visible, each exactly once to each
/// listener and in order, on the thread of the call or command that made them; a thread that finds
/// a listener busy leaves the event to the thread that is calling it. Listeners may call any method
/// of the circuit. A listener that panics does not get that event again, and its panic affects no
/// other listener and no call (but where panics abort, it ends the process). Keep listeners short:
/// the call that made the change waits for them. A listener that lags by 1,024 changes loses
/// further ones until it has caught up.
/// [`CircuitSnapshot::listeners`](crate::CircuitSnapshot::listeners) counts both.
///
/// Calls that succeeded, failed or were not sent, and rejections, are delivered only to listeners
/// whose [`interest`](Self::interest) asks for them, at once and on the call's own thread. Calls
/// that a listener makes meanwhile are not delivered. That circuits come and go is delivered, as
/// changes are, to listeners that ask for it ([`Interest::PRESENCE`]).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not listen to events",
    note = "a closure is a listener of changes: `|event: &CircuitEvent| {{ .. }}`, which returns \
            `()`, where what it holds is `Send + Sync + 'static`: an `Arc` instead of an `Rc`, a \
            `Mutex` instead of a `RefCell` or of a variable that it changes",
    note = "a type of your own implements `Listener`, and is given itself: what it holds can be \
            shared by an `Arc`, not the listener"
)]
pub trait Listener: Send + Sync + 'static {
    /// Receives an event that the listener is interested in.
    fn on_event(&self, event: &CircuitEvent);

    /// Returns the events that the listener wants; asked once, when it is added. Default: changes.
    fn interest(&self) -> Interest {
        Interest::CHANGES
    }

    /// Whether this is the log of the circuit, of which it has one: an added one takes its place.
    #[doc(hidden)]
    fn is_log(&self) -> bool {
        false
    }
}

#[diagnostic::do_not_recommend]
impl<F: Fn(&CircuitEvent) + Send + Sync + 'static> Listener for F {
    fn on_event(&self, event: &CircuitEvent) {
        self(event);
    }
}

/// A set of kinds of events: those that a listener wants.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::Interest;
///
/// let interest = Interest::CHANGES | Interest::REJECTIONS;
/// assert!(interest.contains(Interest::REJECTIONS));
/// assert!(!interest.contains(Interest::CALLS));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Changes of state and of override, and new epochs of the same state.
    pub const CHANGES: Self = Self(1);

    /// Calls that succeeded, failed or were not sent, and how long they took.
    ///
    /// Costs each call two readings of the clock and a short lock.
    pub const CALLS: Self = Self(2);

    /// Rejected calls; costs each rejection a short lock.
    pub const REJECTIONS: Self = Self(4);

    /// Circuits that the listener was added to, and those that left its registry.
    ///
    /// For listeners that keep something for each circuit: see [`CircuitEvent::Added`] and
    /// [`CircuitEvent::Removed`].
    pub const PRESENCE: Self = Self(8);

    /// Returns whether this set contains all of `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// An event of a circuit: a change, a rejection, an ended call, or that it comes or goes.
///
/// As JSON (feature `serde`) it has a member `event`, which names the variant, beside the members
/// of the variant; durations are numbers of seconds.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CircuitEvent {
    /// The circuit went from one state to another.
    #[non_exhaustive]
    StateChanged {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// The state that ended.
        from: CircuitState,
        /// The state that began.
        to: CircuitState,
        /// Why.
        reason: ChangeReason,
        /// The number of the epoch that began.
        epoch: u64,
        /// The fleet's epoch that the circuit goes by; 0 before the first.
        fleet_epoch: u64,
        /// The counts of the window when the old state ended.
        window: WindowCounts,
        /// How long the old state lasted.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
        lasted: Duration,
        /// How long the circuit had not been closed, if it closes now.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        down_for: Option<Duration>,
        /// How long the circuit will be open, if it opens now and is not forced.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        open_for: Option<Duration>,
        /// Number of failures in a row that tripped the circuit, if a rule about such a run did.
        ///
        /// Of a rule that asks for a [time](crate::TripRule::lasting), too, at least as many. Not part
        /// of the JSON.
        #[cfg_attr(feature = "serde", serde(skip))]
        failures_in_a_row: Option<u32>,
    },
    /// A new epoch of the same state began, under the same override.
    ///
    /// By a command within a state, such as a trip while open or a reset while closed, or by new
    /// settings.
    #[non_exhaustive]
    Renewed {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// The state.
        state: CircuitState,
        /// Why.
        reason: ChangeReason,
        /// The number of the epoch that began.
        epoch: u64,
        /// The fleet's epoch that the circuit goes by; 0 before the first.
        fleet_epoch: u64,
        /// The counts of the window when the old epoch ended.
        window: WindowCounts,
        /// How long the circuit will be open from now on, if that is new.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        open_for: Option<Duration>,
    },
    /// An override was imposed or dropped: by an operator, by a restore, or since its time was over.
    #[non_exhaustive]
    Overridden {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// The override until now.
        from: Option<Override>,
        /// The override from now on.
        to: Option<Override>,
        /// Why.
        reason: ChangeReason,
        /// The number of the epoch in which it holds.
        epoch: u64,
    },
    /// A call was rejected.
    #[non_exhaustive]
    Rejected {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// Why.
        reason: RejectReason,
        /// How long the circuit stays open, if that is known.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        retry_after: Option<Duration>,
    },
    /// A call succeeded.
    #[non_exhaustive]
    Succeeded {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// How long it took; `None` if it began before the first listener of calls was added.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        elapsed: Option<Duration>,
    },
    /// A call failed.
    #[non_exhaustive]
    Failed {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// The kind of the failure.
        kind: FailureKind,
        /// How long it took; `None` if it began before the first listener of calls was added.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        elapsed: Option<Duration>,
    },
    /// An admitted call did not reach the upstream, or not whole.
    ///
    /// See [`Outcome::NotSent`](crate::Outcome::NotSent).
    #[non_exhaustive]
    NotSent {
        /// The name of the circuit.
        circuit: Arc<str>,
        /// How long it took; `None` if it began before the first listener of calls was added.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::events::serialize::optional_seconds")
        )]
        elapsed: Option<Duration>,
    },
    /// The listener was added to the circuit, or the circuit to the listener's registry.
    ///
    /// Delivered to that listener alone, and only if it asks for [`Interest::PRESENCE`], before any
    /// change of the circuit. A call that ends on another thread meanwhile may come before it.
    #[non_exhaustive]
    Added {
        /// The name of the circuit. All events of a circuit share one allocation of it, which tells
        /// circuits of one name apart ([`Arc::ptr_eq`]).
        circuit: Arc<str>,
        /// The state; the change that led to it may still follow.
        state: CircuitState,
        /// The override in force, if there is one.
        overridden: Option<Override>,
        /// The [keyed](crate::keyed) circuit that was evicted to make room for this one, if it was
        /// made for a key.
        replaces: Option<Arc<str>>,
    },
    /// The circuit left the listener's registry: it was removed, or evicted.
    ///
    /// Delivered to listeners of the registry that ask for [`Interest::PRESENCE`]. A circuit that
    /// others hold works on: further events may follow.
    #[non_exhaustive]
    Removed {
        /// The name of the circuit.
        circuit: Arc<str>,
    },
}

impl CircuitEvent {
    /// Returns the name of the circuit.
    #[must_use]
    pub fn circuit(&self) -> &str {
        match self {
            Self::StateChanged { circuit, .. }
            | Self::Renewed { circuit, .. }
            | Self::Overridden { circuit, .. }
            | Self::Rejected { circuit, .. }
            | Self::Succeeded { circuit, .. }
            | Self::Failed { circuit, .. }
            | Self::NotSent { circuit, .. }
            | Self::Added { circuit, .. }
            | Self::Removed { circuit, .. } => circuit,
        }
    }

    /// The kind of event that this is.
    pub(crate) const fn interest(&self) -> Interest {
        match self {
            Self::StateChanged { .. } | Self::Renewed { .. } | Self::Overridden { .. } => {
                Interest::CHANGES
            }
            Self::Rejected { .. } => Interest::REJECTIONS,
            Self::Succeeded { .. } | Self::Failed { .. } | Self::NotSent { .. } => Interest::CALLS,
            Self::Added { .. } | Self::Removed { .. } => Interest::PRESENCE,
        }
    }
}

/// Counts of what went wrong with a circuit's listeners.
///
/// Neither affects calls or other listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ListenerFaults {
    /// Number of panics of listeners.
    pub panics: u64,
    /// Number of events that a listener lost because 1,024 were already waiting for it.
    pub missed: u64,
}
