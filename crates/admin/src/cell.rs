//! A value of a table.

use serde::{Serialize, Serializer};

/// A value of a row, in as few characters as it takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Not known, or none.
    Nothing,
    Count(u64),
    Real(f64),
    Text(&'a str),
}

impl Cell<'_> {
    pub(crate) fn flag(is_so: bool) -> Self {
        Self::Count(u64::from(is_so))
    }

    /// A rate: below ten with one decimal, above with none.
    pub(crate) fn rate(rate: f64) -> Self {
        let rounded = if rate < 10.0 { (rate * 10.0).round() / 10.0 } else { rate.round() };
        Self::Real(rounded)
    }

    /// A share, to a thousandth.
    pub(crate) fn share(share: f64) -> Self {
        Self::Real((share * 1000.0).round() / 1000.0)
    }

    /// A number that most have none of.
    pub(crate) fn some(count: u64) -> Self {
        if count == 0 { Self::Nothing } else { Self::Count(count) }
    }

    pub(crate) fn or_nothing<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Nothing, cell)
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Real(real) => match whole(*real) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(*real),
            },
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// A whole number, which is written without a point.
#[expect(clippy::cast_possible_truncation, reason = "compared before")]
fn whole(real: f64) -> Option<i64> {
    (real.fract() == 0.0 && real.abs() < 1e15).then_some(real as i64)
}

/// A row, without what is not known at its end.
pub(crate) fn trimmed(mut row: Vec<Cell<'_>>) -> Vec<Cell<'_>> {
    let known = row.iter().rposition(|cell| *cell != Cell::Nothing).map_or(0, |last| last + 1);
    row.truncate(known);
    row
}
