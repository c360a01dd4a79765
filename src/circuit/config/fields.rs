//! The named values of a table of settings: taken out one by one, and checked.

use std::time::Duration;

use humantime_serde::re::humantime::parse_duration;
use serde::de::{Error, MapAccess};

use crate::circuit::config::error::ConfigError;
use crate::circuit::config::scalar::Scalar;

/// Values as written, each with its name.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Scalar)>);

impl Fields {
    /// Reads the value of `key`, which is to be one of `names`; nothing stands for no value.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        names: &'static [&'static str],
        map: &mut A,
    ) -> Result<(), A::Error> {
        let known = names.iter().find(|name| **name == key);
        let name = known.ok_or_else(|| A::Error::unknown_field(key, names))?;
        if self.0.iter().any(|(other, _)| other == name) {
            return Err(A::Error::duplicate_field(name));
        }
        let value = map.next_value::<Option<Scalar>>()?;
        self.0.extend(value.map(|value| (*name, value)));
        Ok(())
    }

    /// Adds a value, if there is one.
    pub(super) fn set(&mut self, name: &'static str, value: Option<impl Into<Scalar>>) {
        self.0.extend(value.map(|value| (name, value.into())));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Scalar)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| *own == name)
    }

    /// The value of that name, as written; it is not there any longer.
    pub(super) fn take(&mut self, name: &str) -> Option<Scalar> {
        let place = self.0.iter().position(|(own, _)| *own == name)?;
        Some(self.0.swap_remove(place).1)
    }

    /// All those of `names`.
    pub(super) fn take_all(&mut self, names: &[&'static str]) -> Self {
        let taken = names.iter().filter_map(|name| Some((*name, self.take(name)?)));
        Self(taken.collect())
    }

    /// A whole number from `least` on.
    pub(super) fn whole(&mut self, name: &str, least: u32) -> Result<Option<u32>, ConfigError> {
        self.take(name).map(|value| whole(name, value, least, u32::MAX)).transpose()
    }

    pub(super) fn duration(&mut self, name: &str) -> Result<Option<Duration>, ConfigError> {
        self.take(name).map(|value| duration(name, value)).transpose()
    }

    /// A number that `check` takes; `allowed` says which it does.
    pub(super) fn number<T>(
        &mut self,
        name: &str,
        allowed: &'static str,
        check: fn(f64) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.take(name).map(|value| number(name, value, allowed, check)).transpose()
    }
}

pub(super) fn whole(field: &str, value: Scalar, least: u32, most: u32) -> Result<u32, ConfigError> {
    match value {
        Scalar::Whole(number) => u32::try_from(number).ok().filter(|n| (least..=most).contains(n)),
        _ => None,
    }
    .ok_or_else(|| {
        let allowed = format!("a whole number from {least} to {most}");
        ConfigError::new(field, value, allowed)
    })
}

#[expect(clippy::cast_precision_loss, reason = "only numbers up to 1,000 are allowed anywhere")]
pub(super) fn number<T>(
    field: &str,
    value: Scalar,
    allowed: &'static str,
    check: fn(f64) -> Option<T>,
) -> Result<T, ConfigError> {
    match value {
        Scalar::Number(number) => check(number),
        Scalar::Whole(number) => check(number as f64),
        _ => None,
    }
    .ok_or_else(|| ConfigError::new(field, value, allowed))
}

pub(super) fn duration(field: &str, value: Scalar) -> Result<Duration, ConfigError> {
    match &value {
        Scalar::Text(text) => parse_sum(text).filter(|duration| !duration.is_zero()),
        _ => None,
    }
    .ok_or_else(|| {
        let allowed = "a duration longer than zero with its unit, such as \"30s\" or \"1m 30s\"";
        ConfigError::new(field, value, allowed)
    })
}

/// The sum of the durations that are written, such as `1m 30s`.
///
/// Part by part: humantime 2 panics where seconds and nanoseconds together pass the longest
/// duration.
pub(crate) fn parse_sum(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && !c.is_whitespace())?;
        let end =
            rest[unit..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| unit + at);
        let (part, after) = rest.split_at(end);
        sum = sum.checked_add(parse_duration(part.trim()).ok()?)?;
        rest = after;
    }
    Some(sum)
}
