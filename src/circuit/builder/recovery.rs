//! Settings of the open time, the probes, and the way back to full traffic.

use std::time::Duration;

use crate::circuit::builder::CircuitBuilder;
use crate::circuit::builder::rule::{at_least_one, not_zero};
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::open_steps::{MOST_STEPS, OpenSteps};

impl CircuitBuilder {
    /// Sets how long the circuit stays open before it admits probes.
    ///
    /// Default 30 s.
    ///
    /// # Panics
    ///
    /// Panics if `open_for` is zero.
    #[track_caller]
    #[doc(alias = "waitDurationInOpenState")]
    #[doc(alias = "BreakDuration")]
    #[doc(alias = "sleepWindowInMilliseconds")]
    #[doc(alias = "Timeout")]
    #[doc(alias = "reset_timeout")]
    #[doc(alias = "wait_duration_in_open")]
    pub fn open_for(self, open_for: Duration) -> Self {
        self.open_backoff(Backoff::fixed(not_zero("open_for", open_for)))
    }

    /// Sets an open time that grows with each failed recovery.
    ///
    /// The backoff starts over once the circuit has stayed closed for as long as it was last open.
    ///
    /// # Panics
    ///
    /// Panics if the first open time is zero.
    #[track_caller]
    pub fn open_backoff(mut self, backoff: Backoff) -> Self {
        not_zero("open_backoff", backoff.first());
        self.settings.open = OpenSteps::Backoff(backoff);
        self
    }

    /// Sets an open time for each number of failed recoveries in a row.
    ///
    /// The function is given 0 for the first trip, 1 after the first recovery that failed, and so
    /// on; the count starts over as that of [`open_backoff`](Self::open_backoff) does. It is called
    /// here, for 0 to 63; from then on the circuit stays open for as long as it said for 63. There
    /// is no jitter. In text: `open_backoff = { steps = [..] }`.
    ///
    /// # Panics
    ///
    /// Panics if the function returns zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::Circuit;
    ///
    /// // Three quick tries, then one each ten minutes.
    /// let circuit = Circuit::builder("plants").open_by(|failed| match failed {
    ///     0..3 => Duration::from_secs(5),
    ///     _ => Duration::from_secs(600),
    /// });
    /// # let _ = circuit.build();
    /// ```
    #[track_caller]
    #[doc(alias = "waitIntervalFunctionInOpenState")]
    #[doc(alias = "BreakDurationGenerator")]
    pub fn open_by(mut self, open_time: impl Fn(u32) -> Duration) -> Self {
        let mut times = Vec::new();
        for failed in 0..MOST_STEPS {
            times.push(not_zero("open_by", open_time(failed)));
        }
        self.settings.open = OpenSteps::listed(times);
        self
    }

    /// Sets how many probes must succeed before the circuit closes.
    ///
    /// Default 1.
    ///
    /// # Panics
    ///
    /// Panics if `probes` is 0.
    #[track_caller]
    #[doc(alias = "permittedNumberOfCallsInHalfOpenState")]
    #[doc(alias = "success_threshold")]
    #[doc(alias = "permitted_calls_in_half_open")]
    pub fn probes(mut self, probes: u32) -> Self {
        self.settings.probes = at_least_one("probes", probes);
        self
    }

    /// Sets how many probes may be in flight at once.
    ///
    /// Default 1.
    ///
    /// # Panics
    ///
    /// Panics if `probes` is 0.
    #[track_caller]
    #[doc(alias = "MaxRequests")]
    pub fn concurrent_probes(mut self, probes: u32) -> Self {
        self.settings.concurrent_probes = at_least_one("concurrent_probes", probes);
        self
    }

    /// Sets how many probes may fail before the circuit reopens.
    ///
    /// Default 0: the first probe that fails reopens it.
    pub fn failed_probes_allowed(mut self, probes: u32) -> Self {
        self.settings.failed_probes_allowed = probes;
        self
    }

    /// Sets how long a probe may hold its slot without an answer; then another call may probe.
    ///
    /// Default: the open time, but at least 1 s. A late outcome of the probe still counts. A probe
    /// that has lost its slot counts as unanswered, like one that was dropped: sixteen of those in
    /// a row, over a minute or more, open the circuit again. So an upstream whose answers take
    /// longer than a minute, though it is healthy, never closes a circuit whose open time is short:
    /// set this to more than its slowest good answer takes.
    ///
    /// # Panics
    ///
    /// Panics if `timeout` is zero.
    #[track_caller]
    #[doc(alias = "maxWaitDurationInHalfOpenState")]
    pub fn probe_timeout(mut self, timeout: Duration) -> Self {
        self.settings.probe_timeout = Some(not_zero("probe_timeout", timeout));
        self
    }

    /// Sets the longest time for which an upstream can ask to open the circuit.
    ///
    /// It asks by [`Outcome::TripFor`](crate::Outcome::TripFor). Default 1 h.
    ///
    /// # Panics
    ///
    /// Panics if `longest` is zero.
    #[track_caller]
    pub fn max_trip_for(mut self, longest: Duration) -> Self {
        self.settings.max_trip_for = not_zero("max_trip_for", longest);
        self
    }

    /// Ramps admission from 10 % to 100 % over `duration` after the circuit closes.
    ///
    /// Default: all calls at once. For upstreams that come back with cold caches and empty pools,
    /// or with many clients waiting: the whole load at once brings them down again. Not where every
    /// call counts and few come, since nine of ten are rejected at first.
    ///
    /// The circuit is closed meanwhile, and trips by the same rules. Rejections have the reason
    /// [`Ramping`](crate::RejectReason::Ramping), also for services that wait (`OnOpen::Wait`); the
    /// calls to reject are drawn at random. A trip during the ramp is a failed recovery: the
    /// circuit opens with the next step of the [backoff](Self::open_backoff). An operator's `reset`
    /// or `release` admits all calls at once. Costs calls nothing before and after.
    ///
    /// # Panics
    ///
    /// Panics if `duration` is zero.
    #[track_caller]
    #[doc(alias = "slowStart")]
    pub fn ramp(mut self, duration: Duration) -> Self {
        self.settings.ramp = Some(not_zero("ramp", duration));
        self
    }
}
