//! Finding out what it takes to move a circuit, by calls alone.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, Outcome, Permit};

use crate::model::Settings;

/// Calls to a circuit, and the time between them.
pub(crate) struct Trial<'a> {
    pub(crate) circuit: &'a Circuit,
    /// Moves the circuit's clock on.
    pub(crate) advance: &'a dyn Fn(Duration),
    /// How long each call is after the one before.
    pub(crate) every: Duration,
    /// How many calls are made before the circuit counts as stuck.
    pub(crate) most: u32,
    /// After how many of them, again and again, time passes besides, and how much: for runs that are to
    /// last.
    pub(crate) pause: Option<(u32, Duration)>,
}

/// What kind of calls opened a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Failures,
    SlowCalls,
    StalledCalls,
    /// It did not open, but rejects calls while it is closed.
    Shedding,
}

impl Way {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::SlowCalls => "slow calls",
            Self::StalledCalls => "stalled calls",
            Self::Shedding => "shed calls",
        }
    }
}

impl Trial<'_> {
    /// Makes calls with these outcomes, in turn, until the circuit opens; gives how many.
    pub(crate) fn fail(&self, outcomes: &[Outcome]) -> Option<(u32, Way)> {
        let mut rejected = 0_u32;
        for (call, outcome) in (1..=self.most).zip(outcomes.iter().cycle()) {
            match self.circuit.try_acquire() {
                Ok(permit) => permit.record(*outcome),
                Err(_) => rejected += 1,
            }
            if self.is_open() {
                return Some((call, Way::Failures));
            }
            (self.advance)(self.every);
            if let Some((_, time)) = self.pause.filter(|(calls, _)| call % calls == 0) {
                (self.advance)(time);
            }
        }
        (rejected > 0).then_some((self.most, Way::Shedding))
    }

    /// Makes `calls` calls at once that succeed, but take `time`; gives how many opened the circuit.
    pub(crate) fn be_slow(&self, calls: u32, time: Duration) -> Option<(u32, Way)> {
        let in_flight = self.begin(calls.min(self.most));
        (self.advance)(time);
        (1..).zip(in_flight).find_map(|(call, permit)| {
            permit.record(Outcome::Success);
            self.is_open().then_some((call, Way::SlowCalls))
        })
    }

    /// Makes more and more calls that do not end, each as long after the last as an hour is.
    pub(crate) fn hang(&self) -> Option<(u32, Way)> {
        let mut in_flight = Vec::new();
        for call in 1..=self.most {
            in_flight.extend(self.circuit.try_acquire().ok());
            if self.is_open() {
                return Some((call, Way::StalledCalls));
            }
            (self.advance)(HOUR);
        }
        None
    }

    /// Whatever opens it: failures where a rule is about them, or else slow calls; and for rules
    /// that are not known here failures, and calls that hang.
    pub(crate) fn open(&self, settings: &Settings, outcomes: &[Outcome]) -> Option<(u32, Way)> {
        if has_failure_rule(settings) {
            return self.fail(outcomes);
        }
        let slow = settings.slow.map(|(_, than)| than);
        let by_slow = || self.be_slow(settings.minimum(), slow?);
        by_slow().or_else(|| self.fail(outcomes)).or_else(|| self.hang())
    }

    fn begin(&self, calls: u32) -> Vec<Permit> {
        (0..calls).map_while(|_| self.circuit.try_acquire().ok()).collect()
    }

    fn is_open(&self) -> bool {
        self.circuit.state() == CircuitState::Open
    }
}

/// Longer than any call is let go on.
const HOUR: Duration = Duration::from_secs(3600);

/// When to let time pass for the run that lasts longest, if any rule is about one that lasts.
pub(crate) fn pause_for_runs(settings: &Settings) -> Option<(u32, Duration)> {
    let kinds = settings.kinds.iter().map(|rule| (rule.failures, rule.lasting));
    let runs = kinds.chain(settings.consecutive.map(|failures| (failures, settings.lasting)));
    let lasting = runs.filter_map(|(failures, lasting)| Some((failures, lasting?)));
    // Before the last failure that the run needs: a run of one cannot last before there is a second.
    lasting
        .max_by_key(|(_, lasting)| *lasting)
        .map(|(failures, lasting)| (failures.saturating_sub(1).max(1), lasting))
}

/// Whether calls that fail at once can open such a circuit, as far as is known here.
fn has_failure_rule(settings: &Settings) -> bool {
    is_about_any(settings) || !settings.kinds.is_empty()
}

/// Whether failures of any kind can.
fn is_about_any(settings: &Settings) -> bool {
    settings.consecutive.is_some()
        || settings.failure_rate.is_some()
        || settings.failure_count.is_some()
}

/// The failures that rules are about: any, or those of the kinds that have the only rules.
pub(crate) fn telling_failures(settings: &Settings) -> Vec<Outcome> {
    if is_about_any(settings) || settings.kinds.is_empty() {
        return vec![Outcome::Failure(FailureKind::OTHER)];
    }
    own_kinds(settings).into_iter().map(Outcome::Failure).collect()
}

/// The kinds that have rules of their own.
pub(crate) fn own_kinds(settings: &Settings) -> Vec<FailureKind> {
    settings.kinds.iter().map(|rule| rule.kind).collect()
}
