//! The form that trip rules have in settings as text, for reading, writing and showing them.

use std::borrow::Cow;
use std::time::Duration;

use crate::engine::rules::confidence::Confidence;
use crate::engine::rules::rate::Rate;

/// How one condition, a `C`, is written: the fields that it has, and what is made of them.
#[derive(Debug)]
pub(crate) struct WrittenCondition<C> {
    /// All of them are set, or none; the first names the condition.
    pub(crate) fields: &'static [Field],
    /// Each may be set where `fields` are.
    pub(crate) options: &'static [OptionalField],
    /// The condition, unless one of `fields` is missing.
    pub(crate) read: fn(&Parameters) -> Option<C>,
}

/// A field of a condition.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// A value, as it is written.
    pub(crate) example: &'static str,
}

/// A field that a condition may do without.
#[derive(Debug)]
pub(crate) struct OptionalField {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// What only such a rule does, for the message where the field is set for another.
    pub(crate) only: &'static str,
}

/// What may be written for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Calls,
    Rate,
    RateBelowOne,
    Confidence,
    Duration,
    Name,
}

/// A checked value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parameter {
    Calls(u32),
    Rate(Rate),
    Confidence(Confidence),
    Duration(Duration),
    Name(Cow<'static, str>),
}

/// The fields of one condition that are set.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(&'static str, Parameter)>);

impl<C> WrittenCondition<C> {
    /// The name of the condition: that of its first field.
    pub(crate) fn name(&self) -> &'static str {
        self.fields.first().map_or("", |field| field.name)
    }
}

impl Field {
    pub(crate) const fn new(name: &'static str, form: Form, example: &'static str) -> Self {
        Self { name, form, example }
    }
}

impl OptionalField {
    pub(crate) const fn new(name: &'static str, form: Form, only: &'static str) -> Self {
        Self { name, form, only }
    }
}

impl Parameters {
    pub(crate) fn set(&mut self, field: &'static str, value: Parameter) {
        self.0.push((field, value));
    }

    pub(crate) fn calls(&self, field: &str) -> Option<u32> {
        match self.get(field)? {
            Parameter::Calls(calls) => Some(*calls),
            _ => None,
        }
    }

    pub(crate) fn rate(&self, field: &str) -> Option<Rate> {
        match self.get(field)? {
            Parameter::Rate(rate) => Some(*rate),
            _ => None,
        }
    }

    pub(crate) fn confidence(&self, field: &str) -> Option<Confidence> {
        match self.get(field)? {
            Parameter::Confidence(confidence) => Some(*confidence),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, field: &str) -> Option<Duration> {
        match self.get(field)? {
            Parameter::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    pub(crate) fn name(&self, field: &str) -> Option<Cow<'static, str>> {
        match self.get(field)? {
            Parameter::Name(name) => Some(name.clone()),
            _ => None,
        }
    }

    fn get(&self, field: &str) -> Option<&Parameter> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
    }
}
