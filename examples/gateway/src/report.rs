//! The table at the end, and the verdict.

use std::fmt;
use std::time::Duration;

use crate::lane::Lane;
use crate::load::Latencies;

/// What came of it all: every figure is measured.
#[derive(Debug)]
pub(crate) struct Report {
    played: Duration,
    rows: Vec<Row>,
    missing: Vec<&'static str>,
}

#[derive(Debug)]
struct Row {
    what: &'static str,
    figures: [String; 2],
}

impl Report {
    pub(crate) fn new(lanes: &[Lane; 2], played: Duration) -> Self {
        let row = |what, figure: fn(&Lane) -> String| {
            let figures = lanes.each_ref().map(figure);
            Row { what, figures }
        };
        let rows = vec![
            row("calls", |lane| lane.tally().calls().to_string()),
            row("  answered", |lane| lane.tally().answered.to_string()),
            row("  failed", |lane| lane.tally().failed.to_string()),
            row("  rejected", |lane| lane.tally().rejected.to_string()),
            row("upstream calls, with retries", |lane| lane.upstream.reached().to_string()),
            row("upstream calls saved", |lane| lane.circuit.snapshot().totals.rejected.to_string()),
            row(BEFORE, |lane| p50_p99(&lane.tally().failing_before_trip)),
            row(AFTER, |lane| p50_p99(&lane.tally().failing_after_trip)),
            row(OF_THOSE_REJECTED, |lane| p50_p99(&lane.tally().rejected_after_trip)),
            row("time from recovery to closed", |lane| shown(lane.journal.recovery())),
        ];
        Self { played, rows, missing: missing(lanes) }
    }

    /// Whether circuit A did all it is there for, and circuit B nothing.
    pub(crate) fn is_as_it_should_be(&self) -> bool {
        self.missing.is_empty()
    }

    /// What was seen, or what was not, in one line.
    pub(crate) fn verdict(&self) -> String {
        if self.is_as_it_should_be() {
            return format!("as it should be: {SHOULD_BE}");
        }
        format!("not as it should be: {}", self.missing.join(", "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("played for {:.1} s", self.played.as_secs_f64());
        write!(f, "{title:<42} {:>17} {:>17}", "upstream A", "upstream B")?;
        for Row { what, figures: [a, b] } in &self.rows {
            write!(f, "\n{what:<42} {a:>17} {b:>17}")?;
        }
        Ok(())
    }
}

/// What should have happened and did not.
fn missing([a, b]: &[Lane; 2]) -> Vec<&'static str> {
    let (a_changes, b_changes) = (a.journal.changes(), b.journal.changes());
    let checks = [
        (a_changes.opened > 0, "circuit A never opened"),
        (a.tally().rejected > 0, "circuit A rejected nothing"),
        (a_changes.half_opened > 0, "circuit A never half-opened"),
        (a_changes.closed > 0, "circuit A never closed again"),
        (b_changes.opened == 0, "circuit B opened"),
    ];
    checks.into_iter().filter_map(|(held, otherwise)| (!held).then_some(otherwise)).collect()
}

fn p50_p99(latencies: &Latencies) -> String {
    let Some(p50) = latencies.percentile(50) else {
        return shown(None);
    };
    format!("{} / {}", shown(Some(p50)), shown(latencies.percentile(99)))
}

fn shown(time: Option<Duration>) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    let seconds = time.as_secs_f64();
    match time.as_millis() {
        0..10 => format!("{:.1} ms", seconds * 1e3),
        10..1000 => format!("{:.0} ms", seconds * 1e3),
        1000.. => format!("{seconds:.2} s"),
    }
}

const BEFORE: &str = "failing call before the trip, p50 / p99";
const AFTER: &str = "failing call after the trip, p50 / p99";
const OF_THOSE_REJECTED: &str = "  the rejected ones among those, p50 / p99";
const SHOULD_BE: &str = "circuit A opened, rejected, half-opened, closed; B never opened";
