//! Overrides of operators: how they are seen, and how they end.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::isolator::IsolationRecord;
use crate::engine::machine::own_override::{OrderedOverride, OverrideWords, OwnOverride};
use crate::engine::state::Override;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// An override to impose on a circuit: which, for how long, and who says so and why.
///
/// For [`Circuit::impose`]; where the last two do not matter, [`Circuit::force_open_for`] and the
/// like are shorter.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Circuit, OverrideOrder};
///
/// let circuit = Circuit::builder("plants").build();
/// let order = OverrideOrder::force_open().lasting(Duration::from_secs(600));
/// circuit.impose(order.actor("ann").reason("the vendor moves its database"));
///
/// let imposed = circuit.operators_override().expect("it lasts ten minutes");
/// assert_eq!(imposed.actor.as_deref(), Some("ann"));
/// ```
#[derive(Debug, Clone)]
#[must_use = "an order does nothing until it is imposed"]
pub struct OverrideOrder {
    overridden: Override,
    lasting: Option<Duration>,
    words: OverrideWords,
}

impl OverrideOrder {
    /// Rejects every call; see [`Circuit::force_open`].
    pub fn force_open() -> Self {
        Self::new(Override::ForcedOpen)
    }

    /// Admits every call; see [`Circuit::force_closed`].
    pub fn force_closed() -> Self {
        Self::new(Override::ForcedClosed)
    }

    /// Admits every call and goes on deciding; see [`Circuit::observe`].
    pub fn observe() -> Self {
        Self::new(Override::Observing)
    }

    fn new(overridden: Override) -> Self {
        Self { overridden, lasting: None, words: OverrideWords::default() }
    }

    /// Lasts for `time`. Default: until it is released.
    pub fn lasting(self, time: Duration) -> Self {
        Self { lasting: Some(time), ..self }
    }

    /// Names who imposes it, as your code knows it. Default: nobody is named.
    pub fn actor(self, name: impl Into<Arc<str>>) -> Self {
        self.named(name.into(), true)
    }

    /// Names who imposes it, as somebody says it: nothing has checked that.
    pub fn said_by(self, name: impl Into<Arc<str>>) -> Self {
        self.named(name.into(), false)
    }

    fn named(self, name: Arc<str>, actor_checked: bool) -> Self {
        Self { words: OverrideWords { actor: Some(name), actor_checked, ..self.words }, ..self }
    }

    /// Says why. Default: nothing.
    pub fn reason(self, reason: impl Into<Arc<str>>) -> Self {
        Self { words: OverrideWords { reason: Some(reason.into()), ..self.words }, ..self }
    }
}

/// The operators' override of a circuit at the moment of a snapshot.
///
/// An isolation that lies over it does not stop its time. In JSON it is without the words of
/// operators, which are not for everybody who may see the circuits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OverrideSnapshot {
    /// What was imposed.
    pub overridden: Override,
    /// The number that tells this override from earlier and later ones of the circuit in this process.
    ///
    /// A fleet's overrides have numbers of their own, the same in all processes
    /// ([`FleetRecordLook::serial`](crate::fleet::FleetRecordLook::serial)). It grows with each override. 0 for the
    /// [`initial_override`](crate::CircuitBuilder::initial_override).
    pub serial: u64,
    /// How long ago it was imposed, in this process.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub imposed_ago: Duration,
    /// How long it still lasts; `None` where it lasts until it is released.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub ends_in: Option<Duration>,
    /// Whether it was a command to the whole fleet.
    pub by_fleet: bool,
    /// Who imposed it, where that was said: see [`OverrideOrder`].
    #[cfg_attr(feature = "serde", serde(skip))]
    pub actor: Option<Arc<str>>,
    /// Whether whoever imposed it knew the actor; else the name is what somebody said.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub actor_checked: bool,
    /// Why, where that was said.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub reason: Option<Arc<str>>,
}

/// An isolation of a circuit at the moment of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IsolationSnapshot {
    /// The name of the group that isolates the circuit; `None` where it is isolated by itself.
    pub group: Option<Arc<str>>,
    /// Why, where that was said; see
    /// [`isolate_because`](crate::CircuitGroup::isolate_because). Not in JSON, as the words of operators.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub reason: Option<Arc<str>>,
    /// How long ago it began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub began_ago: Duration,
}

impl OverrideSnapshot {
    pub(super) fn seen(
        own: Option<(OwnOverride, Option<Arc<OverrideWords>>)>,
        now: Timestamp,
    ) -> Option<Self> {
        let (own, words) = own?;
        let words = words.map(|words| OverrideWords::clone(&words)).unwrap_or_default();
        Some(Self {
            overridden: own.overridden,
            serial: own.serial,
            imposed_ago: now.since(own.since),
            ends_in: own.left(now),
            by_fleet: own.by_fleet,
            actor: words.actor,
            actor_checked: words.actor_checked,
            reason: words.reason,
        })
    }
}

impl IsolationSnapshot {
    pub(super) fn seen(isolation: &IsolationRecord, now: Timestamp) -> Self {
        let (group, reason) = (isolation.by.group.clone(), isolation.by.reason.clone());
        Self { group, reason, began_ago: now.since(isolation.since) }
    }
}

impl Circuit {
    /// Imposes an override, in the place of any other, in one step.
    pub fn impose(&self, order: OverrideOrder) {
        let OverrideOrder { overridden, lasting, words } = order;
        let words = (words != OverrideWords::default()).then(|| Arc::new(words));
        self.order(OrderedOverride { overridden, lasting, words });
    }

    pub(super) fn order(&self, order: OrderedOverride) {
        self.tell_if(self.core.machine.order(order, self.end_override()));
    }
}

/// Ends of overrides. They are noticed as the end of an open time is, by whatever asks next: calls,
/// commands, snapshots.
impl Circuit {
    /// Returns the operators' override, with its end; also while an isolation lies over it.
    ///
    /// As in a [`snapshot`](Self::snapshot), and at less cost. One whose time is over ends here, as
    /// it does at the next call: a task that asks in time has listeners told in time though nobody
    /// calls.
    #[must_use]
    pub fn operators_override(&self) -> Option<OverrideSnapshot> {
        let now = self.end_override();
        OverrideSnapshot::seen(self.core.machine.own_override(), now)
    }

    /// Ends the override whose time is over, and returns the time.
    pub(crate) fn end_override(&self) -> Timestamp {
        let now = self.now();
        self.tell_if(self.core.machine.end_override(now));
        now
    }

    /// The same at `now`, for a call: it takes a lock only where the time is over.
    pub(super) fn end_override_for_call(&self, now: Timestamp) {
        if self.core.machine.is_override_over(now) {
            self.tell_if(self.core.machine.end_override(now));
        }
    }
}
