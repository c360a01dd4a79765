//! Building a circuit.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use crate::circuit::builder::rule::{at_least_one, not_zero};
use crate::circuit::config::CircuitConfig;
use crate::circuit::saved::SavedCircuit;
use crate::circuit::{Circuit, Marks};
use crate::clock::{Clock, ClockSource, SystemClock};
use crate::engine::record::texts::Describe;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::{Settings, Throttle};
use crate::engine::state::Override;
use crate::engine::window::span::SlidingWindow;
use crate::events::event::Listener;
use crate::events::handle::ListenerId;
use crate::sync::Arc;

mod confident;
mod last_error;
mod latency;
mod recovery;
mod restore;
pub(crate) mod rule;

/// Builds a [`Circuit`] from its settings.
///
/// Any one rule that holds opens the circuit; a value that reaches its limit exactly counts as
/// reached. Setters panic, at the caller's line, on invalid values.
///
/// # Without any trip rule
///
/// The circuit trips when half of at least 20 calls in 10 s have failed, or after 5 failures in a
/// row of which the last came at least 1 s after the first ([`TripRule::lasting`]). Setting any
/// rule replaces both.
///
/// So an upstream that is down is found 4 s after its first failure at one call a second, by the
/// fifth; at 10,000 a second it is found after 1 s and 10,000 failures, where it was well before.
/// Five calls that are lost together, or a blip of less than a second, open nothing. An upstream of
/// whose calls a fifth fail, each by chance, stays closed: five in a row however fast come by
/// chance, too, and would reject half of its calls at 100 a second and nearly all at 10,000.
#[must_use = "a builder does nothing until `build`"]
pub struct CircuitBuilder {
    name: Arc<str>,
    settings: Settings,
    initial_override: Option<Override>,
    clock: Option<ClockSource>,
    listeners: Vec<Box<dyn Listener>>,
    describe: Vec<Describe>,
    saved: Option<SavedCircuit>,
    marks: Marks,
}

// As the circuit that it builds.
impl UnwindSafe for CircuitBuilder {}
impl RefUnwindSafe for CircuitBuilder {}

impl CircuitBuilder {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            settings: Settings::without_rules(),
            initial_override: None,
            clock: None,
            listeners: Vec::new(),
            describe: Vec::new(),
            saved: None,
            marks: Marks::default(),
        }
    }

    /// Returns the name of the circuit that is built.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens the circuit after `failures` failures in a row, however fast they come.
    ///
    /// At many calls a second such a run comes by chance, or with one connection that is lost: see
    /// [`TripRule::lasting`]. A success ends the run; failures of a kind with a rule of its own
    /// neither count nor end it.
    ///
    /// # Panics
    ///
    /// Panics if `failures` is 0.
    #[track_caller]
    #[doc(alias = "ConsecutiveFailures")]
    #[doc(alias = "fail_max")]
    pub fn consecutive_failures(self, failures: u32) -> Self {
        self.rule(TripRule::consecutive_failures(failures))
    }

    /// Opens the circuit when the share of failed calls in the window reaches `rate`.
    ///
    /// Ignored below [`minimum_calls`](Self::minimum_calls).
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not above 0 and at most 1.
    #[track_caller]
    #[doc(alias = "failureRateThreshold")]
    #[doc(alias = "FailureRatio")]
    #[doc(alias = "errorThresholdPercentage")]
    #[doc(alias = "failure_rate_threshold")]
    #[doc(alias = "success_rate_over_time_window")]
    pub fn failure_rate(self, rate: f64) -> Self {
        self.rule(TripRule::failure_rate(rate))
    }

    /// Opens the circuit when `failures` calls in the window have failed, however many there were.
    ///
    /// Above the size of a count window it means that size.
    ///
    /// # Panics
    ///
    /// Panics if `failures` is 0.
    #[track_caller]
    #[doc(alias = "TotalFailures")]
    pub fn failure_count(self, failures: u32) -> Self {
        self.rule(TripRule::failure_count(failures))
    }

    /// Opens the circuit when the share of calls that took `slower_than` or longer reaches `rate`.
    ///
    /// Calls in flight count as slow as soon as they have taken that long: an upstream that does
    /// not answer at all opens the circuit before any call has timed out; see
    /// [`stalled_calls`](Self::stalled_calls) for when that is noticed. Ignored below
    /// [`minimum_calls`](Self::minimum_calls). A slow probe is a failed probe, and so is one that
    /// is dropped, or loses its slot, without an answer after that time. For a response that is
    /// judged at the end of its body, the time to its head counts. Costs each call two readings of
    /// the clock and two atomic exchanges.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not above 0 and at most 1, or `slower_than` is zero.
    #[track_caller]
    #[doc(alias = "slowCallRateThreshold")]
    #[doc(alias = "slowCallDurationThreshold")]
    #[doc(alias = "slow_call_rate_threshold")]
    #[doc(alias = "slow_call_duration_threshold")]
    pub fn slow_call_rate(self, rate: f64, slower_than: Duration) -> Self {
        self.rule(TripRule::slow_call_rate(rate, slower_than))
    }

    /// Opens the circuit when `calls` calls have been in flight for `older_than` or longer.
    ///
    /// For upstreams that stop answering: a circuit that waits for results first learns of that
    /// when calls time out. With a time-out of 30 s, `stalled_calls(20, 5 s)` opens 5 s after the
    /// upstream stopped rather than after 30. Not for calls that are meant to last, such as streams
    /// or long polls: there, time the head of the response alone, or do without.
    ///
    /// Checked by each call that comes, by [`poll_ready`](crate::CircuitBreaker), and by
    /// [`Circuit::check_stalled_calls`], for a ticker; so a circuit without calls opens with the
    /// next one. A probe that takes that long has failed, as under
    /// [`slow_call_rate`](Self::slow_call_rate). Stalled calls are never noticed early, and late by
    /// at most a fifteenth of `older_than` (and 16 ns). Calls of an earlier epoch of the circuit do
    /// not count. Needs no window, no task and no lock: each call costs two readings of the clock
    /// and two atomic exchanges (10 to 13 ns for those, where a reading takes 22), and the circuit
    /// some 400 bytes, however many calls are in flight.
    ///
    /// # Panics
    ///
    /// Panics if `calls` is 0 or `older_than` is zero.
    #[track_caller]
    pub fn stalled_calls(self, calls: u32, older_than: Duration) -> Self {
        self.rule(TripRule::stalled_calls(calls, older_than))
    }

    /// Adds a trip rule; it replaces a rule about the same thing.
    pub fn rule(mut self, rule: TripRule) -> Self {
        self.settings.add(rule);
        self
    }

    /// Sets the sliding window over which rates and counts are taken.
    ///
    /// Default: the last 10 s in 10 buckets when a rule needs a window, else none. Set one to see
    /// rates in [snapshots](crate::CircuitSnapshot) where only consecutive failures trip.
    #[doc(alias = "slidingWindowType")]
    #[doc(alias = "Interval")]
    #[doc(alias = "sliding_window_type")]
    pub fn window(mut self, window: SlidingWindow) -> Self {
        self.settings.window = Some(window);
        self
    }

    /// Sets how many calls the window must hold before a rate can open the circuit.
    ///
    /// Default 20. Above the size of a count window it means that size.
    ///
    /// # Panics
    ///
    /// Panics if `calls` is 0.
    #[track_caller]
    #[doc(alias = "minimumNumberOfCalls")]
    #[doc(alias = "MinimumThroughput")]
    #[doc(alias = "requestVolumeThreshold")]
    #[doc(alias = "minimum_number_of_calls")]
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.settings.minimum_calls = at_least_one("minimum_calls", calls);
        self
    }

    /// Counts a dropped call as a failure if the upstream had sent nothing for `elapsed`.
    ///
    /// That is since the call began or, for a response whose body is read, since its reader began
    /// to wait. For a breaker inside an outer timeout: set it a little shorter than the timeout.
    /// Uploads that their callers drop midway count, too. Default: dropped calls are neutral. Costs
    /// each call a reading of the clock.
    ///
    /// # Panics
    ///
    /// Panics if `elapsed` is zero.
    #[track_caller]
    pub fn abandoned_after(mut self, elapsed: Duration) -> Self {
        self.settings.abandoned_after = Some(not_zero("abandoned_after", elapsed));
        self
    }

    /// Sheds calls to an upstream that refuses many, in proportion to what it refuses.
    ///
    /// Adaptive throttling of the client, as in [Handling
    /// Overload](https://sre.google/sre-book/handling-overload/) of the SRE book: over the last two
    /// minutes, the circuit counts the calls that were tried and those that succeeded, and rejects
    /// with the probability `max(0, (requests - k × accepts) / (requests + 1))`. So about `k` times
    /// as many calls reach the upstream as it accepts: `k` of 2, as the book has it, wastes half of
    /// them, 1.1 a tenth.
    ///
    /// When the upstream can do more, the calls grow again. For that the circuit also looks at the
    /// newest calls alone, those of the last `k - 1` minutes, but of at least ten seconds and fifty
    /// calls, and uses them if they let it admit more. In the median, 99 % of the calls are
    /// admitted again after about
    ///
    /// | `k` | an outage of a minute | of ten minutes or an hour, 10 calls/s | the same, 1,000 calls/s |
    /// |---|---|---|---|
    /// | 1.1 | 1 min | 4 min | 9 min |
    /// | 1.5 | 1 min | 4 min | 7 min |
    /// | 2 | 1 min | 5 min | 8 min |
    ///
    /// A `k` of 1 leaves hardly any room to grow: hours.
    ///
    /// For upstreams that are overloaded rather than down, whose refusals cost them something. Not
    /// for an upstream that is down, where trying gains nothing: add a trip rule, such as
    /// [`consecutive_failures`](Self::consecutive_failures), which opens the circuit then. It is a
    /// rule, and so replaces the default ones; alone, it never opens the circuit. Rejections have
    /// the reason [`Throttled`](crate::RejectReason::Throttled), and count as tried; ignored and
    /// dropped calls are neither tried nor accepted. Costs each call two readings of the clock and
    /// a sum of twelve buckets, or two such sums while it sheds calls.
    ///
    /// # Panics
    ///
    /// Panics if `k` is below 1 or above 1,000.
    #[track_caller]
    pub fn throttle(mut self, k: f64) -> Self {
        let throttle = Throttle::new(k);
        assert!(throttle.is_some(), "throttle is {k}: must be from 1 to 1000, such as 2");
        self.settings.throttle = throttle;
        self
    }

    /// Marks the circuit as critical: the process cannot work without its upstream.
    ///
    /// [`CircuitRegistry::health`](crate::CircuitRegistry::health) is failing while a critical
    /// circuit is failing, and a health endpoint that follows it answers 503. Default: not
    /// critical, since a process that lacks one upstream is better than no process.
    ///
    /// **Careful** where a load balancer or an orchestrator obeys that endpoint: it takes *every*
    /// process out, or restarts them, while one upstream is down, and restarting them does not
    /// repair it. Not for liveness probes.
    pub fn critical(mut self) -> Self {
        self.marks = self.marks.with(Marks::CRITICAL);
        self
    }

    /// Starts the circuit under an override, until [`Circuit::release`].
    ///
    /// [`Override::Observing`] for settings that are to be tried on real traffic first: the circuit
    /// rejects nothing, and [counts what it would have rejected](Circuit::observe). The circuit is
    /// made so, and no event says it. One that is [restored](Self::restore) has the override that
    /// was saved, or else this one. Default: none.
    #[doc(alias = "initialState")]
    pub fn initial_override(mut self, initial: Override) -> Self {
        self.initial_override = Some(initial);
        self
    }

    /// Sets the clock from which the circuit takes all times.
    ///
    /// Default [`SystemClock`](crate::SystemClock).
    #[doc(alias = "TimeProvider")]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(ClockSource::new(clock));
        self
    }

    /// Adds a listener; see [`Circuit::on_event`].
    #[doc(alias = "OnStateChange")]
    #[doc(alias = "OnOpened")]
    #[doc(alias = "on_state_transition")]
    #[doc(alias = "instrument")]
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listeners.push(Box::new(listener));
        self
    }

    /// Keeps the circuit from logging its changes (feature `tracing`).
    ///
    /// Default: each change is an event of `tracing`, as a
    /// [`TracingListener`](crate::TracingListener) tells it.
    #[cfg(feature = "tracing")]
    pub fn quiet(mut self) -> Self {
        self.marks = self.marks.with(Marks::QUIET);
        self
    }

    /// Takes all settings from `config`; they replace the settings made so far.
    pub fn config(mut self, config: CircuitConfig) -> Self {
        self.initial_override = config.initial_override();
        self.settings = config.into_settings();
        self
    }

    /// Returns the settings made so far, for [`Circuit::reconfigure`] or to write them down.
    #[must_use]
    pub fn into_config(self) -> CircuitConfig {
        CircuitConfig::from_settings(self.settings).with_initial_override(self.initial_override)
    }

    /// Builds the circuit: closed, unless it is restored from an earlier one.
    #[must_use]
    pub fn build(self) -> Circuit {
        self.build_with(Arc::new)
    }

    /// The same, with settings that `share` puts where they are kept.
    pub(crate) fn build_with(self, share: impl FnOnce(Settings) -> Arc<Settings>) -> Circuit {
        let clock = self.clock.unwrap_or_else(|| ClockSource::new(SystemClock::new()));
        let seed = RandomState::new().hash_one(&self.name);
        let settings = share(self.settings.with_default_rules());
        let marks = self.marks.with_initial_override(self.initial_override);
        let circuit = Circuit::new(self.name, settings, seed, clock, marks);
        if marks.has(Marks::LAST_ERROR) {
            circuit.core.machine.kinds().keep_text(self.describe);
        }
        for listener in self.listeners {
            circuit.add_listener(ListenerId::new(), listener, None);
        }
        let saved = self.saved.filter(|saved| saved.name() == circuit.name());
        circuit.tell_presence(saved.and_then(|saved| circuit.come_back(&saved, circuit.now())));
        circuit
    }
}

impl fmt::Debug for CircuitBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBuilder")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
