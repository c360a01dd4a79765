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

/// The sum of the durations that are written, such as `1m 30s` or `1.5m`.
///
/// Part by part: humantime 2 panics where seconds and nanoseconds together pass the longest
/// duration.
pub(crate) fn parse_sum(text: &str) -> Option<Duration> {
    let is_of_a_number = |c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace();
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (number, unit) = rest.split_at(rest.find(|c| !is_of_a_number(c))?);
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        sum = sum.checked_add(parse_part(number.trim(), unit.trim())?)?;
        rest = after;
    }
    Some(sum)
}

/// One number of one unit: a whole number, or one with up to nine decimals.
fn parse_part(number: &str, unit: &str) -> Option<Duration> {
    let Some((whole, decimals)) = number.split_once('.') else {
        return parse_duration(&format!("{number}{unit}")).ok();
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) || decimals.len() > 9 {
        return None;
    }
    let unit_nanos = parse_duration(&format!("1{unit}")).ok()?.as_nanos();
    let places = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    let parts = decimals.parse::<u128>().ok()?.checked_mul(unit_nanos)?.checked_div(places)?;
    let nanos = whole.parse::<u128>().ok()?.checked_mul(unit_nanos)?.checked_add(parts)?;
    let (seconds, rest) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(rest).ok()?))
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
