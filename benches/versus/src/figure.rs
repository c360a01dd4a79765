//! What stands in a cell of the table.

use std::borrow::Cow;

/// A figure, or why there is none.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// What a chart shows.
    pub(crate) value: Option<f64>,
    /// Stands below the table.
    pub(crate) note: Option<Cow<'static, str>>,
}

/// Why there is no figure.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    text: &'static str,
    reason: Cow<'static, str>,
}

/// Many measurements of one thing.
#[derive(Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Missing {
    /// There is such a thing, but no figure came of it.
    pub(crate) fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { text: "not measured", reason: reason.into() }
    }

    /// The contestant has no such thing.
    pub(crate) const fn lacks(reason: &'static str) -> Self {
        Self { text: NONE, reason: Cow::Borrowed(reason) }
    }
}

impl Samples {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn extend(&mut self, samples: impl IntoIterator<Item = f64>) {
        self.0.extend(samples);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.get(middle) {
            Some(upper) if sorted.len().is_multiple_of(2) => {
                f64::midpoint(sorted[middle - 1], *upper)
            }
            Some(middle) => *middle,
            None => f64::NAN,
        }
    }

    pub(crate) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

impl Cell {
    pub(crate) fn number(value: f64, text: String) -> Self {
        Self { text, value: Some(value), note: None }
    }

    pub(crate) fn noting(self, note: Option<&'static str>) -> Self {
        Self { note: note.map(Cow::Borrowed).or(self.note), ..self }
    }

    /// Whether there is nothing that could be measured.
    pub(crate) fn is_lacking(&self) -> bool {
        self.text == NONE
    }

    /// Nanoseconds: the median, and in brackets the least, above those of `bare`.
    pub(crate) fn cost(samples: &Samples, bare: Option<&Samples>) -> Self {
        let (median, least) = bare.map_or((0.0, 0.0), |bare| (bare.median(), bare.least()));
        let (median, least) = (samples.median() - median, samples.least() - least);
        Self::number(median, format!("{} ({})", nanos(median), nanos(least)))
    }
}

impl From<Missing> for Cell {
    fn from(missing: Missing) -> Self {
        Self { text: missing.text.into(), value: None, note: Some(missing.reason) }
    }
}

/// Of what a contestant does not have.
const NONE: &str = "none";

/// `nanos` with as many digits as mean something.
pub(crate) fn nanos(nanos: f64) -> String {
    if nanos.abs() < 100.0 { format!("{nanos:.1}") } else { grouped(nanos) }
}

/// A whole number in groups of three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut grouped = String::from(if number < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
