//! The circuit: clock → decide → publish → tell. The only file where clock, engine and listeners
//! meet.

pub(crate) mod builder;
pub(crate) mod classify;
pub(crate) mod config;
#[cfg(feature = "tokio")]
pub(crate) mod health_probe;
mod last_error;
pub(crate) mod last_failure;
mod latency;
pub(crate) mod permit;
pub(crate) mod progress;
pub(crate) mod saved;
pub(crate) mod snapshot;
pub(crate) mod template;
pub(crate) mod thresholds;
pub(crate) mod wakers;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::circuit::builder::CircuitBuilder;
use crate::circuit::last_error::Described;
use crate::circuit::last_failure::LastFailure;
use crate::circuit::overrides::{IsolationSnapshot, OverrideSnapshot};
use crate::circuit::progress::{ProbeProgress, Recoveries, Trip};
use crate::circuit::snapshot::{CircuitSnapshot, Health};
use crate::circuit::wakers::Wakers;
use crate::clock::ClockSource;
use crate::engine::in_flight::share::Share;
use crate::engine::machine::Machine;
use crate::engine::machine::effect::Effect;
use crate::engine::outcome::Outcome;
use crate::engine::record::kinds::SharedKinds;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::ticket::Ticket;
use crate::engine::time::{TimeSource, Timestamp};
use crate::error::{ErrorText, Label, Name};
use crate::events::listeners::slot::ListenersSlot;
use crate::sync::{Arc, Counted, holders};

mod admit;
mod answered;
mod calls;
#[cfg(feature = "tokio")]
mod close_after_probe;
mod commands;
mod export;
pub mod fleet;
mod groups;
mod listen;
pub(crate) mod overrides;
pub(crate) mod reserve;
mod settings;
mod tell;
#[cfg(feature = "tokio")]
mod ticker;
mod trip_text;
pub(crate) mod weak;
pub(crate) mod wrapped;

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
    listeners: ListenersSlot,
    wakers: Wakers,
    marks: Marks,
}

/// What a circuit was marked as when it was built, in one byte: flags, and two bits for the
/// override that it was made with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    /// The process cannot work without its upstream.
    pub(crate) const CRITICAL: Self = Self(1);

    /// It does not log its changes.
    #[cfg(feature = "tracing")]
    pub(crate) const QUIET: Self = Self(2);

    /// It describes the errors of failures.
    pub(crate) const LAST_ERROR: Self = Self(16);

    /// It keeps how long its calls took.
    pub(crate) const LATENCY: Self = Self(32);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn with_initial_override(self, initial: Option<Override>) -> Self {
        let bits = match initial {
            None => 0,
            Some(Override::ForcedOpen) => 1,
            Some(Override::ForcedClosed) => 2,
            Some(Override::Observing) => 3,
        };
        Self(self.0 & !Self::OVERRIDE | bits << 2)
    }

    const fn initial_override(self) -> Option<Override> {
        match (self.0 & Self::OVERRIDE) >> 2 {
            1 => Some(Override::ForcedOpen),
            2 => Some(Override::ForcedClosed),
            3 => Some(Override::Observing),
            _ => None,
        }
    }

    const OVERRIDE: u8 = 3 << 2;
}

// A panic leaves a circuit as it was between two statements: user code, which may panic, never runs
// under its locks, and what they guard is whole. So it is unwind safe, whatever its clock and
// listeners are.
impl UnwindSafe for Circuit {}
impl RefUnwindSafe for Circuit {}

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
        marks: Marks,
    ) -> Self {
        let name = Arc::new(Name::new(Label::new(name, clock.shared())));
        let kinds: SharedKinds = Arc::<Name>::clone(&name);
        let machine = Machine::with_kinds(kinds, settings, seed, clock.now());
        let machine = if marks.has(Marks::LATENCY) { machine.with_latency() } else { machine };
        let machine = match marks.initial_override() {
            Some(initial) => machine.begin_under(initial),
            None => machine,
        };
        let (listeners, wakers) = (ListenersSlot::default(), Wakers::new());
        let core = Core { name, machine, clock, listeners, wakers, marks };
        Self { core: Counted::new(core) }
    }

    /// Returns the name of the circuit.
    #[must_use]
    pub fn name(&self) -> &str {
        self.core.name.text()
    }

    /// Returns the current state, without a lock; it may have changed by the time you read it.
    ///
    /// An open circuit whose open time has ended stays open until the next call.
    #[must_use]
    #[inline]
    pub fn state(&self) -> CircuitState {
        self.core.machine.word().state()
    }

    /// Returns the health of the circuit; see [`Health`].
    ///
    /// Takes a short lock only where an open time or an override looks as if it were over.
    #[must_use]
    pub fn health(&self) -> Health {
        let machine = &self.core.machine;
        let word = machine.word();
        if word.overridden().is_some() && machine.is_override_over(self.now()) {
            // The next call finds it closed, with everything cleared.
            return Health::Healthy;
        }
        let is_shedding = word.has(Word::TRACKED)
            && machine.admitted_share(self.now()).is_some_and(|share| share < Share::ALL);
        let is_over = word.state() == CircuitState::Open && machine.is_open_time_over(self.now());
        Health::of(word.state(), word.overridden(), is_over, is_shedding)
    }

    /// Returns whether the circuit is marked as [critical](CircuitBuilder::critical).
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.core.marks.has(Marks::CRITICAL)
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        self.core.name.text()
    }

    /// The number of clones of the circuit, with this one.
    pub(crate) fn holders(&self) -> usize {
        holders(&self.core)
    }

    /// Whether an operator has changed the override that the circuit was made with.
    pub(crate) fn is_overridden_anew(&self) -> bool {
        let was_made_so = self.core.marks.initial_override().is_some();
        self.core.machine.is_overridden_anew(was_made_so, || self.now())
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Counted::ptr_eq(&self.core, &other.core)
    }

    /// Returns a consistent snapshot of the circuit: state, counts, totals, last trip.
    ///
    /// Takes a short lock, which no call waits for while the circuit is closed or open.
    #[must_use]
    pub fn snapshot(&self) -> CircuitSnapshot {
        let (core, now) = (&*self.core, self.end_override());
        let seen = core.machine.snapshot(now);
        let last_text = seen.last_failure.and_then(|(_, at)| core.machine.kinds().text_at(at));
        CircuitSnapshot {
            name: Arc::clone(core.name.text()),
            critical: core.marks.has(Marks::CRITICAL),
            state: seen.state,
            overridden: seen.overridden,
            operators_override: OverrideSnapshot::seen(seen.own_override, now),
            isolations: u32::try_from(seen.isolations.len()).unwrap_or(u32::MAX),
            isolated_by: seen
                .isolations
                .iter()
                .map(|it| IsolationSnapshot::seen(it, now))
                .collect(),
            epoch: seen.epoch,
            in_state_for: seen.in_state_for,
            retry_after: seen.open_left,
            window: seen.window,
            admitted_share: seen.admitted_share.map(Share::as_f64),
            probes: seen.probes.map(|(probes, settings)| ProbeProgress::seen(probes, &settings)),
            in_flight: seen.in_flight,
            trip_prevented_ago: seen.trip_prevented_at.map(|at| now.since(at)),
            slow_in_flight: seen.slow_in_flight,
            stalled_calls: seen.stalled_calls,
            consecutive_failures: seen.consecutive_failures,
            totals: seen.totals,
            rejections: seen.rejections,
            failures_by_kind: seen.failures_by_kind,
            transitions: seen.transitions,
            recoveries: Recoveries::seen(seen.recoveries),
            listeners: core.listeners.faults(),
            last_failure: seen.last_failure.map(|(kind, at)| LastFailure::seen(kind, at, now)),
            last_error: last_text.map(ErrorText::new),
            last_trip: seen.last_trip.map(|trip| Trip::seen(trip, now)),
            uptime: now.since(seen.made),
            minimum_calls: seen.minimum_calls.into(),
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
            let now = self.now();
            self.end_override_for_call(now);
            self.tell_if(self.core.machine.check_stalled(now));
        }
    }

    /// Records the outcome of an admitted call, `None` where it is abandoned, and delivers the
    /// events that follow from it.
    #[inline]
    pub(crate) fn record(&self, ticket: Ticket, outcome: Option<Outcome>) {
        let is_success = outcome == Some(Outcome::Success);
        if !(is_success && self.core.machine.count_success(ticket, &self.core.clock)) {
            self.record_otherwise(ticket, outcome);
        }
    }

    /// The same where the call is not plain.
    #[inline(never)]
    fn record_otherwise(&self, ticket: Ticket, outcome: Option<Outcome>) {
        if outcome != Some(Outcome::Success) {
            self.record_and_tell(ticket, outcome, None);
        } else if !self.core.count_watched_success(ticket) {
            self.record_and_tell(ticket, Some(Outcome::Success), None);
        }
    }

    /// The same; with the error of a failure, if its text is kept.
    #[inline(never)]
    pub(crate) fn record_and_tell(
        &self,
        ticket: Ticket,
        outcome: Option<Outcome>,
        described: Option<&Described>,
    ) {
        let machine = &self.core.machine;
        let held = described.and_then(|it| Some((machine.kinds().text()?.hold(), it)));
        let ended = described.map(|it| it.at);
        let mut judged = machine.judge(ticket, outcome, || ended.unwrap_or_else(|| self.now()));
        if let Some((held, described)) = held {
            held.keep(described.at, described.text.clone());
        }
        if !matches!(judged.effect, Effect::Nothing) {
            self.tell_end(&mut judged);
        } else if machine.word().has(Word::CALL_EVENTS | Word::LATENCY) {
            self.tell_call(judged.counted, judged.elapsed);
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }
}

impl Core {
    /// As [`Machine::count_watched_success`]. A function of its own, so that nothing else of a call
    /// is kept on the stack meanwhile.
    #[inline(never)]
    fn count_watched_success(&self, ticket: Ticket) -> bool {
        self.machine.count_watched_success(ticket, &self.clock)
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
