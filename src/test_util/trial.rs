//! Finding out what it takes to move a circuit, by calls alone.

use std::borrow::Cow;
use std::time::Duration;

use crate::circuit::Circuit;
use crate::circuit::permit::Permit;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::rules::condition::Condition;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::CircuitState;

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
    HungCalls,
    /// It did not open, but rejects calls while it is closed.
    Shedding,
}

impl Way {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::SlowCalls => "slow calls",
            Self::HungCalls => "hung calls",
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
        let under_way = self.begin(calls.min(self.most));
        (self.advance)(time);
        (1..).zip(under_way).find_map(|(call, permit)| {
            permit.record(Outcome::Success);
            self.is_open().then_some((call, Way::SlowCalls))
        })
    }

    /// Makes more and more calls that do not end, each as long after the last as an hour is.
    pub(crate) fn hang(&self) -> Option<(u32, Way)> {
        let mut under_way = Vec::new();
        for call in 1..=self.most {
            under_way.extend(self.circuit.try_acquire().ok());
            if self.is_open() {
                return Some((call, Way::HungCalls));
            }
            (self.advance)(HOUR);
        }
        None
    }

    /// Whatever opens it: failures where a rule is about them, or else slow calls; and for rules
    /// that are not known here failures, and calls that hang.
    pub(crate) fn open(&self, settings: &Settings, outcomes: &[Outcome]) -> Option<(u32, Way)> {
        if settings.rules.iter().any(is_about_failures) {
            return self.fail(outcomes);
        }
        let slow = settings.rules.iter().find_map(|rule| match rule.condition {
            Condition::SlowCallRate { slower_than, .. } => Some(slower_than),
            _ => None,
        });
        let by_slow = || self.be_slow(settings.effective_minimum(), slow?);
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
    let lasting = settings.rules.iter().filter_map(|rule| match rule.condition {
        Condition::ConsecutiveFailures { failures, lasting, .. } => Some((failures, lasting?)),
        _ => None,
    });
    // Before the last failure that the run needs: a run of one cannot last before there is a second.
    lasting
        .max_by_key(|(_, lasting)| *lasting)
        .map(|(failures, lasting)| (failures.saturating_sub(1).max(1), lasting))
}

/// Whether calls that fail at once can make `rule` hold, as far as is known here.
fn is_about_failures(rule: &TripRule) -> bool {
    matches!(
        rule.condition,
        Condition::ConsecutiveFailures { .. }
            | Condition::FailureRate(_)
            | Condition::FailureCount(_)
    )
}

/// The failures that rules are about: any, or those of the kinds that have the only rules.
pub(crate) fn telling_failures(settings: &Settings) -> Vec<Outcome> {
    let is_about_any = |rule: &TripRule| is_about_failures(rule) && rule.condition.kind().is_none();
    let kinds = own_kinds(settings);
    if kinds.is_empty() || settings.rules.iter().any(is_about_any) {
        return vec![Outcome::Failure(FailureKind::OTHER)];
    }
    kinds.into_iter().map(Outcome::Failure).collect()
}

/// The kinds that have rules of their own.
pub(crate) fn own_kinds(settings: &Settings) -> Vec<FailureKind> {
    let kinds = settings.rules.iter().filter_map(|rule| match &rule.condition {
        Condition::ConsecutiveFailures { kind, .. } => kind.clone(),
        _ => None,
    });
    kinds.map(kind_named).collect()
}

/// The kind of that name. One from text is leaked: kinds have static names, and a test ends soon.
pub(crate) fn kind_named(name: Cow<'static, str>) -> FailureKind {
    match name {
        Cow::Borrowed(name) => FailureKind::new(name),
        Cow::Owned(name) => FailureKind::new(name.leak()),
    }
}
