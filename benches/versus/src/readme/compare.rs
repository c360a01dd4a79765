//! The recorded table beside a new one.

use std::fmt::Write;

use crate::readme::recorded::{Recorded, ratio};

/// Two tables, side by side.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) text: String,
    /// Rows and columns in which a ratio to a peer is another one.
    off: Vec<String>,
    is_same_machine: bool,
}

impl Comparison {
    /// Ratios of another machine say nothing.
    pub(crate) fn is_held(&self) -> bool {
        !self.is_same_machine || self.off.is_empty()
    }

    /// What is off here and in `other`.
    pub(crate) fn off_again(&self, other: &Self) -> Vec<&str> {
        self.off.iter().filter(|place| other.off.contains(place)).map(String::as_str).collect()
    }
}

pub(crate) fn compare(recorded: &Recorded, measured: &Recorded) -> Comparison {
    let mut off = Vec::new();
    let mut text = format!("recorded: {}\nmeasured: {}\n", recorded.made, measured.made);
    for row in names(recorded, measured) {
        let _ = writeln!(text, "\n{row}");
        for head in &measured.heads {
            let [old, new] =
                [recorded, measured].map(|table| table.cell(row, head).unwrap_or("none"));
            let verdict = verdict(ratio(old), ratio(new));
            let line = format!("  {head:<40} {old:>24} {new:>24}  {verdict}");
            let _ = writeln!(text, "{}", line.trim_end());
            if verdict.starts_with(OFF) {
                off.push(format!("{row} ({head})"));
            }
        }
    }
    let is_same_machine = recorded.machine == measured.machine;
    if is_same_machine {
        let _ = writeln!(text, "\nRatios that are off by more than 15 %: {}", off.len());
    } else {
        let _ = writeln!(text, "\nNothing is held against the record: it is of another machine.");
    }
    Comparison { text, off, is_same_machine }
}

/// Of both, each once.
fn names<'a>(recorded: &'a Recorded, measured: &'a Recorded) -> Vec<&'a str> {
    let mut names = Vec::new();
    for row in measured.rows.iter().chain(&recorded.rows) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    names
}

fn verdict(old: Option<f64>, new: Option<f64>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => {
            let change = new / old - 1.0;
            let is_off = change.abs() > MOST && (new - old).abs() > ROUNDING;
            let word = if is_off { OFF } else { "" };
            format!("{word}{:+.0} %", change * 100.0)
        }
        (None, Some(_)) => format!("{OFF}not recorded"),
        (Some(_), None) => format!("{OFF}not measured"),
        (None, None) => String::new(),
    }
}

/// How far a ratio may be from the recorded one, as a share of it.
const MOST: f64 = 0.15;
/// By how much two ratios may differ because each is written with two places.
const ROUNDING: f64 = 0.010_1;
const OFF: &str = "OFF ";

#[cfg(test)]
mod tests {
    use super::*;

    fn table(machine: &str, cell: &str) -> Recorded {
        let text = format!(
            "| | this crate | recloser 1.4 |\n|---|---:|---:|\n| count window | {cell} | 25.0 |\n\n\
             Measured on {machine}; rustc; today.\n"
        );
        Recorded::read(&text).expect("a table")
    }

    #[test]
    fn a_ratio_off_by_16_percent_is_found_and_one_off_by_14_is_not() {
        let recorded = table("A", "25.0 (1.00)");
        for (cell, is_held) in [
            ("29.0 (1.16)", false),
            ("28.5 (1.14)", true),
            ("21.5 (0.86)", true),
            ("21.0 (0.84)", false),
        ] {
            let comparison = compare(&recorded, &table("A", cell));

            assert_eq!(comparison.is_held(), is_held, "{cell}: {}", comparison.text);
            assert_eq!(comparison.text.contains("OFF"), !is_held, "{cell}: {}", comparison.text);
            assert_eq!(comparison.off.len(), usize::from(!is_held), "{cell}");
        }
    }

    #[test]
    fn small_ratios_may_differ_by_what_rounding_makes() {
        for (cell, is_held) in [("1.1 (0.05)", true), ("1.5 (0.06)", false)] {
            let comparison = compare(&table("A", "1.0 (0.04)"), &table("A", cell));
            assert_eq!(comparison.is_held(), is_held, "{cell}: {}", comparison.text);
        }
    }

    #[test]
    fn nanoseconds_may_differ_where_the_ratio_does_not() {
        assert!(compare(&table("A", "25.0 (1.00)"), &table("A", "50.0 (1.00)")).is_held());
    }

    #[test]
    fn what_is_off_once_is_not_off_again() {
        let recorded = table("A", "25.0 (1.00)");
        let [high, higher, good] = ["29.0 (1.16)", "35.0 (1.40)", "25.0 (1.00)"]
            .map(|cell| compare(&recorded, &table("A", cell)));

        assert_eq!(high.off_again(&higher), ["count window (this crate)"]);
        assert!(high.off_again(&good).is_empty());
    }

    #[test]
    fn another_machine_is_not_held_against_the_record() {
        let comparison = compare(&table("A", "25.0 (1.00)"), &table("B", "50.0 (2.00)"));

        assert!(comparison.is_held());
        assert!(comparison.text.contains("another machine"), "{}", comparison.text);
    }

    #[test]
    fn a_ratio_that_only_one_of_them_has_is_off() {
        for (old, new) in [("25.0 (1.00)", "–"), ("–", "25.0 (1.00)")] {
            assert!(!compare(&table("A", old), &table("A", new)).is_held(), "{old}, {new}");
        }
    }

    #[test]
    fn a_row_that_was_renamed_is_off() {
        let recorded = table("A", "25.0 (1.00)");
        let mut measured = table("A", "25.0 (1.00)");
        measured.rows[0].name = "window".into();

        assert_eq!(compare(&recorded, &measured).off.len(), 2);
    }
}
