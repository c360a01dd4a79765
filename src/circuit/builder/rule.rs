//! Making trip rules, of values that are checked.

use std::borrow::Cow;
use std::time::Duration;

use crate::engine::outcome::FailureKind;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::confidence::Confidence;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::rule::TripRule;

impl TripRule {
    /// Opens the circuit after `failures` failures without a success between them.
    ///
    /// # Panics
    ///
    /// Panics if `failures` is 0.
    #[must_use]
    #[track_caller]
    pub fn consecutive_failures(failures: u32) -> Self {
        let failures = at_least_one("consecutive_failures", failures);
        Self::new(Condition::ConsecutiveFailures { failures, kind: None, lasting: None })
    }

    /// Opens the circuit when the share of failed calls in the window reaches `rate`.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not above 0 and at most 1.
    #[must_use]
    #[track_caller]
    pub fn failure_rate(rate: f64) -> Self {
        Self::new(Condition::FailureRate(checked_rate("failure_rate", rate)))
    }

    /// Opens the circuit when the share of failed calls exceeds `rate` with this confidence.
    ///
    /// See
    /// [`CircuitBuilder::failure_rate_confident`](crate::CircuitBuilder::failure_rate_confident)
    /// for when to use it.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not above 0 and below 1, or `confidence` not above 0.5 and below 1.
    #[must_use]
    #[track_caller]
    pub fn failure_rate_confident(rate: f64, confidence: f64) -> Self {
        let checked = Confidence::new(confidence);
        assert!(checked.is_some(), "confidence is {confidence}: must be above 0.5 and below 1");
        let confidence = checked.expect("asserted one line above");
        let below_one = Rate::below_one(rate);
        assert!(
            below_one.is_some(),
            "failure_rate_confident is {rate}: must be above 0 and below 1"
        );
        let rate = below_one.expect("asserted one line above");
        Self::new(Condition::FailureRateConfident { rate, confidence })
    }

    /// Opens the circuit when at least `failures` calls in the window have failed.
    ///
    /// However many calls there were. Above the size of a count window it means that size.
    ///
    /// # Panics
    ///
    /// Panics if `failures` is 0.
    #[must_use]
    #[track_caller]
    pub fn failure_count(failures: u32) -> Self {
        Self::new(Condition::FailureCount(at_least_one("failure_count", failures)))
    }

    /// Opens the circuit when the share of calls that took `slower_than` or longer reaches `rate`.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not above 0 and at most 1, or `slower_than` is zero.
    #[must_use]
    #[track_caller]
    pub fn slow_call_rate(rate: f64, slower_than: Duration) -> Self {
        let slower_than = not_zero("slower_than", slower_than);
        let rate = checked_rate("slow_call_rate", rate);
        Self::new(Condition::SlowCallRate { rate, slower_than })
    }

    /// Opens the circuit when `calls` calls have been in flight for `older_than` or longer.
    ///
    /// See [`CircuitBuilder::stalled_calls`](crate::CircuitBuilder::stalled_calls).
    ///
    /// # Panics
    ///
    /// Panics if `calls` is 0 or `older_than` is zero.
    #[must_use]
    #[track_caller]
    pub fn stalled_calls(calls: u32, older_than: Duration) -> Self {
        let older_than = not_zero("older_than", older_than);
        let calls = at_least_one("stalled_calls", calls);
        Self::new(Condition::StalledCalls { calls, older_than })
    }

    /// Limits the rule to failures of `kind`.
    ///
    /// The general consecutive rule then does not count such failures, nor do they end its run.
    ///
    /// # Panics
    ///
    /// Panics if the rule is not one of consecutive failures, or the kind's name is empty.
    #[must_use]
    #[track_caller]
    pub fn of(mut self, kind: FailureKind) -> Self {
        assert!(
            self.is_about_a_run(),
            "only a rule of consecutive failures can be about one kind of failure, and this is \
             one of {}: use TripRule::consecutive_failures(n).of(..)",
            self.condition.name()
        );
        assert!(!kind.as_str().is_empty(), "the kind of a rule has no name: give it one");
        if let Condition::ConsecutiveFailures { kind: own, .. } = &mut self.condition {
            *own = Some(Cow::Borrowed(kind.as_str()));
        }
        self
    }

    /// Sets how long a run of consecutive failures must last before it opens the circuit.
    ///
    /// The failure that trips ends at least `lasting` after the first failure of the run did; a run
    /// that is long enough goes on until then. For calls that come fast or together: five that are
    /// lost with one connection, or within a blip, are one fault and not five. Default: no least
    /// time; but a circuit without any rule of its own has `consecutive_failures(5).lasting(1 s)`.
    /// Costs a failed call a reading of the clock.
    ///
    /// # Panics
    ///
    /// Panics if the rule is not one of consecutive failures, or `lasting` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::{Circuit, CircuitState, TripRule};
    ///
    /// let second = Duration::from_secs(1);
    /// let circuit = Circuit::builder("plants")
    ///     .rule(TripRule::consecutive_failures(5).lasting(second))
    ///     .build();
    ///
    /// // All at once, as when a connection is lost.
    /// for _ in 0..100 {
    ///     let _ = circuit.run(|| Err::<(), _>("connection reset"));
    /// }
    /// assert_eq!(circuit.state(), CircuitState::Closed);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn lasting(mut self, lasting: Duration) -> Self {
        assert!(
            self.is_about_a_run(),
            "only a run of consecutive failures lasts for some time, and this is a rule of {}: \
             use TripRule::consecutive_failures(n).lasting(..)",
            self.condition.name()
        );
        if let Condition::ConsecutiveFailures { lasting: own, .. } = &mut self.condition {
            *own = Some(not_zero("lasting", lasting));
        }
        self
    }

    /// Sets how long the circuit stays open when this rule trips it.
    ///
    /// Default: the open time of the circuit, which is also used after a failed recovery.
    ///
    /// # Panics
    ///
    /// Panics if `open_for` is zero.
    #[must_use]
    #[track_caller]
    pub fn open_for(mut self, open_for: Duration) -> Self {
        self.open_for = Some(not_zero("open_for", open_for));
        self
    }

    const fn new(condition: Condition) -> Self {
        Self { condition, open_for: None }
    }

    const fn is_about_a_run(&self) -> bool {
        matches!(self.condition, Condition::ConsecutiveFailures { .. })
    }
}

/// `value`, if it is not 0.
///
/// # Panics
///
/// Panics at the caller's line, naming the setting.
#[track_caller]
pub(crate) fn at_least_one(setting: &str, value: u32) -> u32 {
    assert!(value > 0, "{setting} is {value}: must be at least 1");
    value
}

/// `value`, if it is not zero.
///
/// # Panics
///
/// Panics at the caller's line, naming the setting.
#[track_caller]
pub(crate) fn not_zero(setting: &str, value: Duration) -> Duration {
    assert!(!value.is_zero(), "{setting} is {value:?}: must be longer than zero");
    value
}

/// `value` as a rate.
///
/// # Panics
///
/// Panics at the caller's line, naming the setting.
#[track_caller]
fn checked_rate(setting: &str, value: f64) -> Rate {
    let rate = Rate::new(value);
    assert!(rate.is_some(), "{setting} is {value}: must be above 0 and at most 1");
    rate.expect("asserted one line above")
}
