//! The circuit: clock → decide → publish → tell. The only file where clock, engine and listeners
//! meet.

pub(crate) mod builder;
pub(crate) mod classify;
pub(crate) mod config;
#[cfg(feature = "tokio")]
pub(crate) mod health_probe;
pub(crate) mod permit;
pub(crate) mod saved;
pub(crate) mod snapshot;
pub(crate) mod template;
pub(crate) mod thresholds;
pub(crate) mod wakers;

use std::fmt;
use std::time::Duration;

use crate::circuit::builder::CircuitBuilder;
use crate::circuit::permit::Permit;
use crate::circuit::snapshot::{CircuitSnapshot, Health, Trip};
use crate::circuit::wakers::Wakers;
use crate::clock::ClockSource;
use crate::engine::change::Change;
use crate::engine::in_flight::share::Share;
use crate::engine::machine::effect::{Credit, Effect, Recorded};
use crate::engine::machine::record::Ending;
use crate::engine::machine::{Machine, Refusal};
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;
use crate::error::{Name, Rejected};
use crate::events::event::{CircuitEvent, Interest, Listener};
use crate::events::history::{RecentEvent, Subscription};
use crate::events::listeners::Listeners;
use crate::sync::{Arc, Counted, holders};

mod answered;
mod calls;
#[cfg(feature = "tokio")]
mod close_after_probe;
mod commands;
mod export;
pub mod fleet;
mod groups;
pub(crate) mod reserve;
mod settings;
#[cfg(feature = "tokio")]
mod ticker;
pub(crate) mod weak;

/// A circuit: counts the outcomes of calls to one upstream, and rejects calls while it fails.
///
/// It is to the breaker what a semaphore is to a concurrency limit: a value that is made, named,
/// cloned and shared. It has no type parameters, so it lives in application state, a map or a
/// `static`. Clones are the same circuit; a clone costs one reference count.
///
/// Give it to a [`CircuitBreakerLayer`](crate::CircuitBreakerLayer), or use it without tower:
/// [`call`](Self::call) around a future, [`run`](Self::run) around blocking code,
/// [`try_acquire`](Self::try_acquire) around anything else.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Circuit, CircuitState, Error};
///
/// let circuit = Circuit::builder("plants-db")
///     .consecutive_failures(3)
///     .open_for(Duration::from_secs(10))
///     .build();
///
/// for _ in 0..3 {
///     let failed = circuit.run(|| Err::<(), _>("connection refused"));
///     assert_eq!(failed, Err(Error::Inner("connection refused")));
/// }
///
/// assert_eq!(circuit.state(), CircuitState::Open);
/// let rejected = circuit.run(|| -> Result<(), &str> { unreachable!("not called") });
/// assert!(matches!(rejected, Err(Error::Rejected(_))));
/// ```
#[derive(Clone)]
pub struct Circuit {
    core: Counted<Core>,
}

struct Core {
    name: Arc<Name>,
    machine: Machine,
    clock: ClockSource,
    listeners: Listeners,
    wakers: Wakers,
    built: Timestamp,
    is_critical: bool,
}

impl Circuit {
    /// Returns a builder for a circuit named `name`, with defaults for everything else.
    ///
    /// The name appears in rejections, events and metrics. Make one circuit for each upstream.
    pub fn builder(name: impl Into<Arc<str>>) -> CircuitBuilder {
        CircuitBuilder::new(name.into())
    }

    pub(crate) fn new(
        name: Arc<str>,
        settings: Arc<Settings>,
        seed: u64,
        clock: ClockSource,
        is_critical: bool,
    ) -> Self {
        let built = clock.now();
        let machine = Machine::new(settings, seed, built);
        let (listeners, wakers) = (Listeners::new(), Wakers::new());
        let name = Arc::new(Name(name));
        let core = Core { name, machine, clock, listeners, wakers, built, is_critical };
        Self { core: Counted::new(core) }
    }

    /// Adds a listener, which receives the circuit's events from now on.
    ///
    /// Listeners live as long as the circuit; one that holds a clone of its circuit keeps it alive.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, CircuitEvent};
    ///
    /// let circuit = Circuit::builder("api").build();
    /// circuit.on_event(|event: &CircuitEvent| {
    ///     if let CircuitEvent::StateChanged { circuit, from, to, reason, .. } = event {
    ///         eprintln!("{circuit}: {from} -> {to} ({reason})");
    ///     }
    /// });
    /// # circuit.trip();
    /// ```
    pub fn on_event(&self, listener: impl Listener) {
        self.add_listener(Box::new(listener));
    }

    pub(crate) fn add_listener(&self, listener: Box<dyn Listener>) {
        let interest = self.core.listeners.add(listener);
        let calls = if interest.contains(Interest::CALLS) { Word::CALLS_TOLD } else { 0 };
        let rejections =
            if interest.contains(Interest::REJECTIONS) { Word::REJECTIONS_TOLD } else { 0 };
        self.core.machine.tell_also(calls | rejections);
    }

    /// Returns the last changes of state and override, at most 256, the oldest first.
    #[must_use]
    pub fn recent_events(&self) -> Vec<RecentEvent> {
        self.core.listeners.history().recent(self.now())
    }

    /// Subscribes to the changes of state and override from now on.
    ///
    /// The subscription reads at its own pace; no call waits for it. If it lags by more than 256
    /// events it gets the number of events it has lost. It does not keep the circuit alive, and
    /// ends when the last clone of the circuit is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitState, Delivery};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("api").build();
    /// let mut changes = circuit.subscribe();
    ///
    /// circuit.trip();
    /// drop(circuit);
    ///
    /// while let Some(delivery) = changes.next().await {
    ///     match delivery {
    ///         Delivery::Event(CircuitEvent::StateChanged { to, .. }) => {
    ///             assert_eq!(to, CircuitState::Open);
    ///         }
    ///         Delivery::Event(other) => println!("{other:?}"),
    ///         Delivery::Lagged(missed) => println!("{missed} went by"),
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.core.listeners.history().subscribe()
    }

    /// Returns the name of the circuit.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name.0
    }

    /// Returns the current state, without a lock; it may have changed by the time you read it.
    ///
    /// An open circuit whose open time has ended stays open until the next call.
    #[must_use]
    #[inline]
    pub fn state(&self) -> CircuitState {
        self.core.machine.word().state()
    }

    /// Returns the health of the circuit, without a lock; see [`Health`].
    #[must_use]
    pub fn health(&self) -> Health {
        let machine = &self.core.machine;
        let word = machine.word();
        let is_shedding = word.has(Word::TRACKED)
            && machine.admitted_share(self.now()).is_some_and(|share| share < Share::ALL);
        let is_over = word.state() == CircuitState::Open && machine.until() <= self.now();
        Health::of(word.state(), word.overridden(), is_over, is_shedding)
    }

    /// Returns whether the circuit is marked as [critical](CircuitBuilder::critical).
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.core.is_critical
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.core.name.0
    }

    /// The number of clones of the circuit, with this one.
    pub(crate) fn holders(&self) -> usize {
        holders(&self.core)
    }

    pub(crate) fn is_overridden(&self) -> bool {
        self.core.machine.word().overridden().is_some()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Counted::ptr_eq(&self.core, &other.core)
    }

    /// Returns a consistent snapshot of the circuit: state, counts, totals, last trip.
    ///
    /// Takes a short lock, which no call waits for while the circuit is closed or open.
    #[must_use]
    pub fn snapshot(&self) -> CircuitSnapshot {
        let (core, now) = (&*self.core, self.now());
        let seen = core.machine.snapshot(now);
        CircuitSnapshot {
            name: Arc::clone(&core.name.0),
            critical: core.is_critical,
            state: seen.state,
            overridden: seen.overridden,
            isolations: seen.isolations,
            epoch: seen.epoch,
            in_state_for: seen.in_state_for,
            retry_after: seen.open_left,
            window: seen.window,
            admitted_share: seen.admitted_share.map(Share::as_f64),
            slow_in_flight: seen.slow_in_flight,
            stalled_calls: seen.stalled_calls,
            consecutive_failures: seen.consecutive_failures,
            totals: seen.totals,
            failures_by_kind: seen.failures_by_kind,
            transitions: seen.transitions,
            listeners: core.listeners.faults(),
            last_trip: seen.last_trip.map(|trip| Trip::seen(trip, now)),
            uptime: now.since(core.built),
            minimum_calls: seen.minimum_calls.into(),
        }
    }

    /// Admits one call, and returns the permit with which its outcome is recorded.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the circuit is open, half-open with all its probes in flight, or closed and
    /// shedding calls.
    pub fn try_acquire(&self) -> Result<Permit, Rejected> {
        self.admit().map(|ticket| Permit::new(self.clone(), ticket))
    }

    /// Admits a call or rejects it.
    #[inline]
    pub(crate) fn admit(&self) -> Result<Ticket, Rejected> {
        match self.core.machine.admit_closed(|| self.now()) {
            Some(ticket) => Ok(ticket),
            None => match self.admit_tracked() {
                Some(ticket) => Ok(ticket),
                None => self.admit_unless_rejected(),
            },
        }
    }

    /// Admits a call that is only to be counted as in flight.
    #[inline(never)]
    fn admit_tracked(&self) -> Option<Ticket> {
        self.core.machine.admit_tracked(|| self.now())
    }

    #[inline(never)]
    fn admit_unless_rejected(&self) -> Result<Ticket, Rejected> {
        let now = self.now();
        self.end_holds(now);
        let (admitted, change) = self.core.machine.admit(now);
        self.tell_if(change);
        if admitted.as_ref().is_ok_and(|ticket| ticket.is_probe()) {
            self.tell_slot_taken();
        }
        admitted.map_err(|refusal| self.rejected(refusal, now))
    }

    /// Whether a call would be rejected now; changes nothing.
    #[inline]
    pub(crate) fn would_reject(&self) -> bool {
        self.core.machine.would_refuse(|| self.now()).is_some()
    }

    /// Rejects a call whose inner service was not polled for readiness.
    pub(crate) fn reject_unready(&self) -> Rejected {
        self.core.machine.count_rejection();
        let now = self.now();
        match self.core.machine.would_refuse(|| now) {
            Some(refusal) => self.rejected(refusal, now),
            None => self.reject(Rejected::not_ready(Arc::clone(&self.core.name))),
        }
    }

    /// Opens the circuit if too many calls are stalled, as every call that comes does.
    ///
    /// For a ticker, where a circuit is to open though no call comes; the feature `tokio` has one,
    /// `stall_ticker`. Does nothing without one of the rules
    /// [`stalled_calls`](CircuitBuilder::stalled_calls) and
    /// [`slow_call_rate`](CircuitBuilder::slow_call_rate).
    pub fn check_stalled_calls(&self) {
        if self.core.machine.word().has(Word::TRACKED) {
            self.tell_if(self.core.machine.check_stalled(self.now()));
        }
    }

    /// Records the end of an admitted call, and delivers the events that follow from it.
    #[inline(never)]
    pub(crate) fn record(&self, ticket: Ticket, ending: Ending) {
        let mut recorded = self.core.machine.record(ticket, ending, || self.now());
        if !matches!(recorded.effect, Effect::Nothing) {
            self.tell_end(&mut recorded);
        } else if self.core.machine.word().has(Word::CALLS_TOLD) {
            self.tell_call(recorded.credit, recorded.elapsed);
        }
    }

    /// Delivers the events of a call that changed something for others.
    #[inline(never)]
    fn tell_end(&self, recorded: &mut Recorded) {
        // Listeners of calls are user code, and may panic or not return: the change is deposited
        // first.
        let effect = std::mem::replace(&mut recorded.effect, Effect::Nothing);
        let change = match effect {
            Effect::Changed(change) => Some(self.deposit(*change)),
            effect => {
                self.tell_effect(effect);
                None
            }
        };
        if self.core.machine.word().has(Word::CALLS_TOLD) {
            self.tell_call(recorded.credit, recorded.elapsed);
        }
        if let Some(change) = change {
            self.attend(&change);
        }
    }

    #[inline]
    fn rejected(&self, refusal: Refusal, now: Timestamp) -> Rejected {
        let name = Arc::clone(&self.core.name);
        self.reject(match refusal {
            Refusal::Open { until } => Rejected::open(name, until.since(now)),
            Refusal::ProbesBusy { .. } => Rejected::busy(name),
            Refusal::ForcedOpen => Rejected::forced_open(name),
            Refusal::Ramping => Rejected::ramping(name),
            Refusal::Throttled => Rejected::throttled(name),
        })
    }

    /// Delivers the event of the rejection, and passes it on.
    #[inline]
    fn reject(&self, rejected: Rejected) -> Rejected {
        if self.core.machine.word().has(Word::REJECTIONS_TOLD) {
            self.tell_rejection(&rejected);
        }
        rejected
    }

    #[inline(never)]
    fn tell_rejection(&self, rejected: &Rejected) {
        self.core.listeners.tell_now(&CircuitEvent::Rejected {
            circuit: Arc::clone(rejected.name()),
            reason: rejected.reason(),
            retry_after: rejected.retry_after(),
        });
    }

    #[inline(never)]
    fn tell_call(&self, credit: Credit, elapsed: Option<Duration>) {
        let circuit = Arc::clone(&self.core.name.0);
        let event = match credit {
            Credit::Success => CircuitEvent::Succeeded { circuit, elapsed },
            Credit::Failure(kind) => CircuitEvent::Failed { circuit, kind, elapsed },
            Credit::NotSent => CircuitEvent::NotSent { circuit, elapsed },
            Credit::Neutral | Credit::Stale => return,
        };
        self.core.listeners.tell_now(&event);
    }

    #[inline]
    pub(crate) fn tell_if(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.tell(change);
        }
    }

    /// Wakes waiting tasks and delivers the change to listeners, in the order of the changes.
    #[inline(never)]
    fn tell(&self, change: Change) {
        let change = self.deposit(change);
        self.attend(&change);
    }

    /// Puts a change into history and inboxes, in its turn. No user code runs before: whatever
    /// clocks, wakers and listeners do, no later change waits for this one.
    fn deposit(&self, change: Change) -> Change {
        self.core.listeners.deposit(change.number, self.events(&change), change.at);
        change
    }

    /// Wakes the tasks that wait for a change that was deposited, and delivers it to listeners.
    fn attend(&self, change: &Change) {
        self.wake_after(change);
        self.core.listeners.attend();
    }

    #[inline(never)]
    fn tell_effect(&self, effect: Effect) {
        match effect {
            Effect::Nothing => {}
            // One task is enough: it asks again, and so learns of a new deadline, too.
            Effect::SlotFreed | Effect::EndsSooner => self.core.wakers.wake_next(),
            Effect::Changed(change) => self.tell(*change),
        }
    }

    fn events(&self, change: &Change) -> Vec<CircuitEvent> {
        let circuit = &self.core.name.0;
        let state = (change.from.state != change.to.state).then(|| CircuitEvent::StateChanged {
            circuit: Arc::clone(circuit),
            from: change.from.state,
            to: change.to.state,
            reason: change.reason,
            epoch: change.epoch,
            fleet_epoch: change.fleet_epoch,
            window: change.window,
            lasted: change.lasted,
            down_for: change.down_for,
            open_for: change.open_for,
        });
        let overridden =
            (change.from.overridden != change.to.overridden).then(|| CircuitEvent::Overridden {
                circuit: Arc::clone(circuit),
                from: change.from.overridden,
                to: change.to.overridden,
                epoch: change.epoch,
            });
        let renewed = (change.from == change.to).then(|| CircuitEvent::Renewed {
            circuit: Arc::clone(circuit),
            state: change.to.state,
            reason: change.reason,
            epoch: change.epoch,
            fleet_epoch: change.fleet_epoch,
            window: change.window,
            open_for: change.open_for,
        });
        state.into_iter().chain(overridden).chain(renewed).collect()
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }
}

const FORCED_OPEN: Option<Override> = Some(Override::ForcedOpen);

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.core.machine.word();
        f.debug_struct("Circuit")
            .field("name", &self.name())
            .field("state", &word.state())
            .field("overridden", &word.overridden())
            .finish_non_exhaustive()
    }
}
