//! The conditions of trip rules, and how they are written in settings.

use std::borrow::Cow;
use std::time::Duration;

use crate::engine::rules::confidence::Confidence;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::written::{Field, Form, OptionalField, Parameter, WrittenCondition};

/// What makes a rule hold. A new one is a variant here, its form in [`WRITTEN`], a
/// constructor of the rule, a reason to trip, and its limit in the recorder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    ConsecutiveFailures {
        failures: u32,
        /// `None`: failures of any kind that has no rule of its own.
        kind: Option<Cow<'static, str>>,
        /// How long after the first of them the last has to come at least.
        lasting: Option<Duration>,
    },
    FailureRate(Rate),
    /// The rate is below 1: no share is above that.
    FailureRateConfident {
        rate: Rate,
        confidence: Confidence,
    },
    FailureCount(u32),
    SlowCallRate {
        rate: Rate,
        slower_than: Duration,
    },
    StalledCalls {
        calls: u32,
        older_than: Duration,
    },
}

/// How conditions are written in settings, in the order in which they are listed.
pub(crate) const WRITTEN: [WrittenCondition<Condition>; 6] = [
    WrittenCondition {
        fields: &[Field::new("consecutive_failures", Form::Calls, "5")],
        options: &[
            OptionalField::new("lasting", Form::Duration, "lasts for some time"),
            OptionalField::new("kind", Form::Name, "can be about one kind"),
        ],
        read: |written| {
            Some(Condition::ConsecutiveFailures {
                failures: written.calls("consecutive_failures")?,
                kind: written.name("kind"),
                lasting: written.duration("lasting"),
            })
        },
    },
    WrittenCondition {
        fields: &[Field::new("failure_rate", Form::Rate, "0.5")],
        options: &[],
        read: |written| written.rate("failure_rate").map(Condition::FailureRate),
    },
    WrittenCondition {
        fields: &[
            Field::new("failure_rate_confident", Form::RateBelowOne, "0.5"),
            Field::new("confidence", Form::Confidence, "0.95"),
        ],
        options: &[],
        read: |written| {
            Some(Condition::FailureRateConfident {
                rate: written.rate("failure_rate_confident")?,
                confidence: written.confidence("confidence")?,
            })
        },
    },
    WrittenCondition {
        fields: &[Field::new("failure_count", Form::Calls, "100")],
        options: &[],
        read: |written| written.calls("failure_count").map(Condition::FailureCount),
    },
    WrittenCondition {
        fields: &[
            Field::new("slow_call_rate", Form::Rate, "0.5"),
            Field::new("slower_than", Form::Duration, "\"2s\""),
        ],
        options: &[],
        read: |written| {
            Some(Condition::SlowCallRate {
                rate: written.rate("slow_call_rate")?,
                slower_than: written.duration("slower_than")?,
            })
        },
    },
    WrittenCondition {
        fields: &[
            Field::new("stalled_calls", Form::Calls, "20"),
            Field::new("older_than", Form::Duration, "\"5s\""),
        ],
        options: &[],
        read: |written| {
            Some(Condition::StalledCalls {
                calls: written.calls("stalled_calls")?,
                older_than: written.duration("older_than")?,
            })
        },
    },
];

impl Condition {
    /// The name of the condition, in settings as text and as a reason to trip.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ConsecutiveFailures { .. } => "consecutive_failures",
            Self::FailureRate(_) => "failure_rate",
            Self::FailureRateConfident { .. } => "failure_rate_confident",
            Self::FailureCount(_) => "failure_count",
            Self::SlowCallRate { .. } => "slow_call_rate",
            Self::StalledCalls { .. } => "stalled_calls",
        }
    }

    /// The kind of failures that the rule is about, if it is about one.
    pub(crate) fn kind(&self) -> Option<&str> {
        match self {
            Self::ConsecutiveFailures { kind, .. } => kind.as_deref(),
            _ => None,
        }
    }

    /// Whether the rule looks at the results in the window.
    pub(crate) const fn needs_window(&self) -> bool {
        match self {
            Self::ConsecutiveFailures { .. } | Self::StalledCalls { .. } => false,
            Self::FailureRate(_)
            | Self::FailureRateConfident { .. }
            | Self::FailureCount(_)
            | Self::SlowCallRate { .. } => true,
        }
    }

    /// How long a call may be in flight until the rule counts it, where it counts calls by that.
    pub(crate) const fn call_limit(&self) -> Option<Duration> {
        match self {
            Self::SlowCallRate { slower_than: limit, .. }
            | Self::StalledCalls { older_than: limit, .. } => Some(*limit),
            _ => None,
        }
    }

    /// The numbers of the condition with their names in settings as text, as far as they are set.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, Parameter)> {
        let (name, own) = (self.name(), self.clone());
        match own {
            Self::ConsecutiveFailures { failures, kind, lasting } => {
                let kind = kind.map(|kind| ("kind", Parameter::Name(kind)));
                let lasting = lasting.map(|lasting| ("lasting", Parameter::Duration(lasting)));
                let failures = (name, Parameter::Calls(failures));
                [failures].into_iter().chain(lasting).chain(kind).collect()
            }
            Self::FailureRate(rate) => vec![(name, Parameter::Rate(rate))],
            Self::FailureRateConfident { rate, confidence } => vec![
                (name, Parameter::Rate(rate)),
                ("confidence", Parameter::Confidence(confidence)),
            ],
            Self::FailureCount(failures) => vec![(name, Parameter::Calls(failures))],
            Self::SlowCallRate { rate, slower_than } => vec![
                (name, Parameter::Rate(rate)),
                ("slower_than", Parameter::Duration(slower_than)),
            ],
            Self::StalledCalls { calls, older_than } => vec![
                (name, Parameter::Calls(calls)),
                ("older_than", Parameter::Duration(older_than)),
            ],
        }
    }
}

#[cfg(test)]
mod tests;
