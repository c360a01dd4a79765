//! Trip rules as text: the form of each comes from [`WRITTEN`].

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::circuit::config::error::ConfigError;
use crate::circuit::config::fields::{Fields, duration, number, whole};
use crate::circuit::config::scalar::Scalar;
use crate::engine::rules::condition::{Condition, WRITTEN};
use crate::engine::rules::confidence::Confidence;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::written::{Form, Parameter, Parameters, WrittenCondition};
use crate::sync::LazyLock;

/// A trip rule as written, with any number of conditions.
#[derive(Debug, Default)]
pub(super) struct RuleText(pub(super) Fields);

/// The fields of all conditions, but `kind`, which only a rule of a list has.
pub(super) static CONDITION_NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let fields = WRITTEN.iter().flat_map(|written| written.fields).map(|field| field.name);
    let options = WRITTEN.iter().flat_map(|written| written.options);
    let options = options.filter(|option| option.form != Form::Name).map(|option| option.name);
    fields.chain(options).collect()
});

/// The fields of a rule of a list.
static RULE_NAMES: LazyLock<Vec<&str>> =
    LazyLock::new(|| CONDITION_NAMES.iter().copied().chain(["kind", "open_for"]).collect());

impl RuleText {
    /// The rule of a list, which has exactly one condition.
    pub(super) fn into_rule(self) -> Result<TripRule, ConfigError> {
        let is_set = |written: &&WrittenCondition<Condition>| self.0.has(written.name());
        let set = WRITTEN.iter().filter(is_set).count();
        let mut rules = if set == 1 { self.into_rules()? } else { Vec::new() };
        rules.pop().ok_or_else(|| {
            let names: Vec<_> = WRITTEN.iter().map(WrittenCondition::name).collect();
            let allowed = format!("one with exactly one of {}", names.join(", "));
            ConfigError::new("condition", format!("one with {set} conditions"), allowed)
        })
    }

    /// A rule for each condition.
    pub(super) fn into_rules(mut self) -> Result<Vec<TripRule>, ConfigError> {
        let open_for = self.0.duration("open_for")?;
        let mut rules = Vec::new();
        for written in &WRITTEN {
            let condition = self.take(written)?;
            rules.extend(condition.map(|condition| TripRule { condition, open_for }));
        }
        Ok(rules)
    }

    fn take(
        &mut self,
        written: &WrittenCondition<Condition>,
    ) -> Result<Option<Condition>, ConfigError> {
        let mut set = Parameters::default();
        let (mut present, mut missing) = (None, None);
        for field in written.fields {
            let Some(value) = self.0.take(field.name) else {
                missing = Some(field);
                continue;
            };
            set.set(field.name, check(field.name, field.form, value)?);
            present = Some(field);
        }
        if let (Some(partner), Some(field)) = (present, missing) {
            let allowed = format!("set together with {}, such as {}", partner.name, field.example);
            return Err(ConfigError::new(field.name, "missing", allowed));
        }
        for option in written.options {
            let Some(value) = self.0.take(option.name) else { continue };
            if present.is_none() {
                let allowed =
                    format!("left out: only a rule of {} {}", written.name(), option.only);
                return Err(ConfigError::new(option.name, value, allowed));
            }
            set.set(option.name, check(option.name, option.form, value)?);
        }
        Ok((written.read)(&set))
    }
}

/// The value of a field, if it is one of its form.
fn check(field: &str, form: Form, value: Scalar) -> Result<Parameter, ConfigError> {
    let above_half = "a number above 0.5 and below 1, such as 0.95";
    Ok(match form {
        Form::Calls => Parameter::Calls(whole(field, value, 1, u32::MAX)?),
        Form::Rate => {
            let allowed = "a number above 0 and at most 1, such as 0.5";
            Parameter::Rate(number(field, value, allowed, Rate::new)?)
        }
        Form::RateBelowOne => {
            let allowed = "a number above 0 and below 1, such as 0.5";
            Parameter::Rate(number(field, value, allowed, Rate::below_one)?)
        }
        Form::Confidence => {
            Parameter::Confidence(number(field, value, above_half, Confidence::new)?)
        }
        Form::Duration => Parameter::Duration(duration(field, value)?),
        Form::Name => Parameter::Name(value.into_text(field)?.into()),
    })
}

impl From<&TripRule> for RuleText {
    fn from(rule: &TripRule) -> Self {
        let mut fields = Fields::default();
        for (name, parameter) in rule.condition.parameters() {
            fields.set(name, Some(Scalar::from(parameter)));
        }
        fields.set("open_for", rule.open_for);
        Self(fields)
    }
}

impl From<Parameter> for Scalar {
    fn from(parameter: Parameter) -> Self {
        match parameter {
            Parameter::Calls(calls) => calls.into(),
            Parameter::Rate(rate) => Self::Number(rate.share()),
            Parameter::Confidence(confidence) => Self::Number(confidence.share()),
            Parameter::Duration(duration) => duration.into(),
            Parameter::Name(name) => Self::Text(name.into_owned()),
        }
    }
}

impl Serialize for RuleText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for RuleText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("TripRule", &RULE_NAMES, RuleVisitor)
    }
}

struct RuleVisitor;

impl<'de> Visitor<'de> for RuleVisitor {
    type Value = RuleText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table such as { consecutive_failures = 3, kind = \"connect\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RuleText, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<String>()? {
            fields.read(&key, &RULE_NAMES, &mut map)?;
        }
        Ok(RuleText(fields))
    }
}
