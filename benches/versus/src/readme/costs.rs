//! The table of costs, as it stands in the README.

use crate::contestants::{ALL, Contestant, Kind};
use crate::figure::Cell;
use crate::machine;
use crate::readme::lines::{Line, Scale, lines};
use crate::readme::recorded::MEASURED_ON;
use crate::readme::text::{nanos_and_ratio, superscript, wrapped};
use crate::table::{Notes, Report, Row};

/// All that stands between the markers.
pub(crate) fn costs(report: &Report) -> String {
    let mut notes = Notes::default();
    let heads: Vec<_> = shown().map(|(_, one)| head(one, &mut notes)).collect();
    let rule = "---:|".repeat(heads.len());
    let heads = heads.join(" | ");
    let rows: String = lines(report).iter().map(|line| row(line, &mut notes)).collect();
    let notes: Vec<_> = notes.all().iter().enumerate().map(note).collect();
    let below = format!("{} {RATIOS} {MEASURED_ON}{}.", notes.join(" "), report.made);
    format!("{INTRO}\n\n| | {heads} |\n|---|{rule}\n{rows}\n{}", wrapped(&below))
}

/// All but bare, with their places in a row.
fn shown() -> impl Iterator<Item = (usize, &'static Contestant)> {
    ALL.iter().enumerate().filter(|(_, one)| !one.is_bare())
}

/// Name and version, without what a patch changes.
fn head(one: &Contestant, notes: &mut Notes) -> String {
    if one.is_ours() {
        return one.label.trim_matches(['(', ')']).replacen("ours", "this crate", 1);
    }
    let version = machine::version_of(one.name).unwrap_or_default();
    let version = version.rsplit_once('.').map_or(version, |(version, _)| version);
    let note = match one.kind {
        Kind::Function => format!(" {}", mark(notes, "Around a function's future.")),
        Kind::Bare | Kind::Layer => String::new(),
    };
    format!("{} {version}{note}", one.name)
}

fn row(line: &Line<'_>, notes: &mut Notes) -> String {
    let cells = shown().map(|(at, one)| match line {
        Line::Timed { row, scale, .. } => timed(*row, scale, at, one, notes),
        Line::Counted { rows, .. } => rows.map(|row| counted(row, at)).join(" / "),
    });
    let cells: Vec<_> = cells.collect();
    format!("| {} | {} |\n", line.name(), cells.join(" | "))
}

/// Nanoseconds; of ours with their ratios, of the fastest peer in bold.
fn timed(
    row: Option<&Row>,
    scale: &Scale<'_>,
    at: usize,
    one: &Contestant,
    notes: &mut Notes,
) -> String {
    let Some(cell) = row.map(|row| &row.cells[at]) else { return DASH.into() };
    let note = cell.note.as_ref().filter(|_| !cell.is_lacking());
    let note = note.map(|note| format!(" {}", mark(notes, &sentence(note)))).unwrap_or_default();
    let Some(nanos) = cell.value else { return format!("{DASH}{note}") };
    let ratio = if one.is_ours() { scale.ratio(row, at) } else { None };
    let text = nanos_and_ratio(nanos, ratio);
    let is_fastest = !one.is_ours() && row.and_then(fastest_peer) == Some(at);
    if is_fastest { format!("**{text}**{note}") } else { format!("{text}{note}") }
}

fn counted(row: Option<&Row>, at: usize) -> String {
    let cell = row.map(|row| &row.cells[at]).filter(|cell| cell.value.is_some());
    cell.map_or(DASH.into(), |cell| cell.text.clone())
}

/// Its place in the row.
fn fastest_peer(row: &Row) -> Option<usize> {
    let value = |cell: &Cell| cell.value;
    let peers = shown().filter(|(_, one)| !one.is_ours());
    let timed = peers.filter_map(|(at, _)| Some((at, value(row.cells.get(at)?)?)));
    timed.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(at, _)| at)
}

fn mark(notes: &mut Notes, note: &str) -> String {
    superscript(notes.number_of(note) + NOTES_ABOVE)
}

fn note((index, note): (usize, &String)) -> String {
    format!("{} {note}", superscript(index + 1 + NOTES_ABOVE))
}

fn sentence(note: &str) -> String {
    let (first, rest) = note.split_at(note.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}.", first.to_uppercase())
}

const INTRO: &str = "Nanoseconds above the bare service (in brackets: ratio to recloser; ×: to one \
    thread). Bold: the fastest peer.";
const RATIOS: &str = "Without such a rule in recloser, ratios are to its count window. A dash: it \
    has no such thing.";
const DASH: &str = "–";
/// The README has one of its own, further up.
const NOTES_ABOVE: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readme::Recorded;
    use crate::readme::recorded::ratio;
    use crate::readme::tests::report;

    #[test]
    fn what_is_written_can_be_read_with_the_ratios_to_recloser() {
        let report = report();

        let recorded = Recorded::read(&costs(&report)).expect("a table");

        assert_eq!(recorded.machine, report.made.machine);
        for line in lines(&report) {
            let cell = recorded.cell(line.name(), "this crate").expect("a row for each line");
            let is_timed = matches!(line, Line::Timed { .. });
            assert_eq!(ratio(cell).is_some(), is_timed, "{}: {cell}", line.name());
        }
        assert_eq!(recorded.cell("closed, count window of 100", "this crate"), Some("20.0 (0.25)"));
    }

    #[test]
    fn the_fastest_peer_is_bold_and_no_other() {
        let text = costs(&report());

        let line = text.lines().find(|line| line.starts_with("| closed, count window"));
        assert_eq!(line.map(|line| line.matches("**40.0**").count()), Some(1), "{line:?}");
        assert_eq!(line.map(|line| line.matches("**").count()), Some(2), "{line:?}");
    }

    #[test]
    fn no_line_of_prose_is_long() {
        let text = costs(&report());
        let mut prose = text.lines().filter(|line| !line.starts_with('|'));
        assert_eq!(prose.find(|line| line.chars().count() > 118), None);
    }
}
