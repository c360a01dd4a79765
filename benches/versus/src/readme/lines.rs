//! The rows of the README's table, and what each is held against.

use crate::contestants::{ALL, RECLOSER};
use crate::memory;
use crate::readme::text::Ratio;
use crate::table::{Part, Report, Row};
use crate::threads::{self, Place};

/// One row. Where nothing was measured, it has dashes only.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    Timed {
        name: String,
        row: Option<&'a Row>,
        scale: Scale<'a>,
    },
    /// Two figures in one cell.
    Counted {
        name: &'static str,
        rows: [Option<&'a Row>; 2],
    },
}

/// What a figure is divided by.
#[derive(Debug)]
pub(crate) struct Scale<'a> {
    /// Where recloser is measured, if it is not in the row itself.
    recloser: Option<&'a Row>,
    /// The same with one thread.
    one_thread: Option<&'a Row>,
}

impl Line<'_> {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Timed { name, .. } => name,
            Self::Counted { name, .. } => name,
        }
    }
}

impl Scale<'_> {
    /// Of the figure `at` that place in `row`.
    pub(crate) fn ratio(&self, row: Option<&Row>, at: usize) -> Option<Ratio> {
        let value = |row: Option<&Row>, at: usize| row?.cells.get(at)?.value;
        let recloser = ALL.iter().position(|one| one.name == RECLOSER)?;
        let own = value(row, at)?;
        let theirs = value(row, recloser).or_else(|| value(self.recloser, recloser))?;
        let to_one_thread = value(self.one_thread, at).map(|alone| own / alone);
        Some(Ratio { to_recloser: own / theirs, to_one_thread })
    }
}

pub(crate) fn lines(report: &Report) -> Vec<Line<'_>> {
    let mut lines = one_thread(report);
    lines.extend(threads::RULES.iter().map(|(_, rule)| two_threads(report, rule)));
    let counted = |name, part, cases: [&str; 2]| Line::Counted {
        name,
        rows: cases.map(|case| report.row(part, case)),
    };
    let alone = "circuit and service, count window of 100";
    lines.extend([
        counted(
            "allocations, closed / rejected",
            Part::Allocations,
            ["closed, 5 consecutive failures", "rejection"],
        ),
        counted(
            "bytes, count window: in a registry of 100,000 / with a service",
            Part::Bytes,
            [memory::REGISTERED, alone],
        ),
    ]);
    lines
}

fn one_thread(report: &Report) -> Vec<Line<'_>> {
    let count = report.row(Part::Calls, "closed, count window of 100");
    let timed = |name: &str, part, case| Line::Timed {
        name: name.into(),
        row: report.row(part, case),
        scale: Scale { recloser: count, one_thread: None },
    };
    vec![
        timed("closed, 5 consecutive failures", Part::Calls, "closed, 5 consecutive failures"),
        timed("closed, count window of 100", Part::Calls, "closed, count window of 100"),
        timed(
            "closed, time window of 10 s holding 1 k calls",
            Part::Calls,
            "closed, time window of 10 s holding 1 k",
        ),
        timed("… holding 1 M calls", Part::Growth, "holding 1 M calls"),
        timed(
            "… with a rule for slow calls, holding 1 k",
            Part::Calls,
            "… and a rule for slow calls",
        ),
        timed("rejected", Part::Calls, "rejection"),
    ]
}

fn two_threads<'a>(report: &'a Report, rule: &str) -> Line<'a> {
    let pinned =
        |number, rule: &str| report.row(Part::Threads, &threads::name(number, rule, Place::Pinned));
    let anywhere = |number, rule: &str| {
        report.row(Part::Threads, &threads::name(number, rule, Place::Anywhere))
    };
    let row = |number, rule: &str| pinned(number, rule).or_else(|| anywhere(number, rule));
    let place = if pinned(2, rule).is_some() { Place::Pinned } else { Place::Anywhere };
    let [.., (_, count)] = threads::RULES;
    Line::Timed {
        name: threads::name(2, rule, place),
        row: row(2, rule),
        scale: Scale { recloser: row(2, count), one_thread: row(1, rule) },
    }
}
