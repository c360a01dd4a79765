//! What trips a circuit, in numbers to be shown.

use std::time::Duration;

use crate::circuit::config::CircuitConfig;
use crate::engine::rules::condition::WRITTEN;
use crate::engine::rules::written::Parameter;

/// What trips a circuit: the numbers of its trip rules, by their names in settings as text.
///
/// Rules about one kind of failure are left out. As JSON (feature `serde`) an object: every name
/// that a rule can have, with `null` where no rule asks for it, and durations as numbers of
/// seconds; and `minimum_calls`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::Circuit;
///
/// let circuit = Circuit::builder("plants").slow_call_rate(0.8, Duration::from_secs(2)).build();
///
/// let thresholds = circuit.config().thresholds();
/// assert_eq!(thresholds.get("slow_call_rate"), Some(0.8));
/// assert_eq!(thresholds.get("slower_than"), Some(2.0));
/// assert_eq!(thresholds.get("failure_rate"), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    by_name: Vec<(&'static str, Option<Number>)>,
}

/// A number as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Calls(u32),
    Share(f64),
    Time(Duration),
}

impl Thresholds {
    /// Returns the names of all limits, also of those that no rule sets.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.by_name.iter().map(|(name, _)| *name)
    }

    /// Returns the number of that name; `None` where no rule asks for it.
    ///
    /// Durations are in seconds.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let (_, number) = self.by_name.iter().find(|(own, _)| *own == name)?;
        Some(match (*number)? {
            Number::Calls(calls) => calls.into(),
            Number::Share(share) => share,
            Number::Time(time) => time.as_secs_f64(),
        })
    }
}

impl CircuitConfig {
    /// Returns whether a circuit of these settings keeps a window: a rule needs one, or one was set.
    ///
    /// Without one, the counts of [`CircuitSnapshot::window`](crate::CircuitSnapshot::window) are
    /// always zero.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.settings().effective_window().is_some()
    }

    /// Returns for how long a circuit that has closed admits only a rising share of its calls.
    ///
    /// See [`CircuitBuilder::ramp`](crate::CircuitBuilder::ramp); `None` where it admits all at
    /// once.
    #[must_use]
    pub fn ramp(&self) -> Option<Duration> {
        self.settings().ramp
    }

    /// Returns what trips a circuit of these settings.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        let settings = self.settings();
        let rules = settings.effective_rules().filter(|rule| rule.condition.kind().is_none());
        let numbers: Vec<_> = rules.flat_map(|rule| rule.condition.parameters()).collect();
        let number_of = |name| {
            let (_, number) = numbers.iter().find(|(own, _)| *own == name)?;
            Number::of(number)
        };
        let names = WRITTEN.iter().flat_map(|written| written.fields).map(|field| field.name);
        let minimum_calls = ("minimum_calls", Some(Number::Calls(settings.effective_minimum())));
        Thresholds {
            by_name: names.map(|name| (name, number_of(name))).chain([minimum_calls]).collect(),
        }
    }
}

impl Number {
    /// The number of a rule, if it is one.
    fn of(parameter: &Parameter) -> Option<Self> {
        match *parameter {
            Parameter::Calls(calls) => Some(Self::Calls(calls)),
            Parameter::Rate(rate) => Some(Self::Share(rate.share())),
            Parameter::Confidence(confidence) => Some(Self::Share(confidence.share())),
            Parameter::Duration(duration) => Some(Self::Time(duration)),
            Parameter::Name(_) => None,
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Thresholds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.by_name.iter().copied())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Calls(calls) => serializer.serialize_u32(*calls),
            Self::Share(share) => serializer.serialize_f64(*share),
            Self::Time(time) => crate::events::serialize::seconds(time, serializer),
        }
    }
}
