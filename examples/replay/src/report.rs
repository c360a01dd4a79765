//! The figures of each circuit, as a table.

use std::fmt::Write;
use std::time::Duration;

use crate::bench::Bench;
use crate::lane::{Figures, Lane};

pub(crate) fn report(bench: &Bench) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(bench.lanes.iter().map(row));
    table(&rows)
}

/// Columns as wide as they must be, the first to the left and all others to the right.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(lane: &Lane) -> [String; 10] {
    let figures = &lane.figures;
    [
        lane.circuit.name().to_owned(),
        grouped(figures.admitted),
        grouped(figures.failed),
        grouped(figures.lost),
        grouped(figures.saved),
        grouped(figures.trips),
        grouped(figures.false_trips),
        to_open(figures),
        to_close(figures),
        short(figures.waited),
    ]
}

fn to_open(figures: &Figures) -> String {
    match (figures.to_open.get(), figures.missed) {
        (None, 0) => "-".to_owned(),
        (None, _) => "never".to_owned(),
        (Some(mean), 0) => short(mean),
        (Some(mean), missed) => format!("{}, {missed} missed", short(mean)),
    }
}

fn to_close(figures: &Figures) -> String {
    let mean = figures.to_close.get().map(short);
    match (mean, figures.ended_open) {
        (mean, false) => mean.unwrap_or_else(|| "-".to_owned()),
        (None, true) => "still open".to_owned(),
        (Some(mean), true) => format!("{mean}, still open"),
    }
}

/// A time in three figures or so.
pub(crate) fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        ..0.9995 => format!("{:.0} ms", seconds * 1_000.0),
        ..99.95 => format!("{seconds:.1} s"),
        ..5_999.5 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const HEAD: [&str; 10] = [
    "settings", "admitted", "failed", "lost", "saved", "trips", "false", "to open", "to close",
    "waited",
];
/// What the columns mean.
pub(crate) const LEGEND: &str = "\
failed    admitted calls that failed; waited: how long their callers waited for that
lost      rejected calls that would have been answered; saved: those that would have failed
false     trips after which the upstream was well until the circuit closed again
to open   from the beginning of an outage to the trip, on average
to close  from the end of an outage until the circuit was closed, on average
";
