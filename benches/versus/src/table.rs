//! The table of all that was measured, as it is printed.

use std::fmt::Write;

use crate::contestants::{ALL, Contestant};
use crate::figure::Cell;
use crate::http;
use crate::machine::{self, Made};

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) sections: Vec<Section>,
    /// How to read it, one line each.
    pub(crate) notes: Vec<String>,
    pub(crate) made: Made,
}

/// Rows of one unit.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) part: Part,
    pub(crate) rows: Vec<Row>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Calls,
    /// Time windows that hold more and more.
    Growth,
    Threads,
    Allocations,
    Bytes,
    Http,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) case: String,
    /// One for each contestant.
    pub(crate) cells: Vec<Cell>,
}

/// What the numbers beside cells mean.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<String>);

impl Part {
    fn title(self) -> String {
        match self {
            Self::Calls => "ns per call above the bare service: median of rounds (least)".into(),
            Self::Growth => "ns per call above the bare service, time window of 10 s: median of \
                             rounds (least)"
                .into(),
            Self::Threads => {
                "ns per call above the bare service, threads on one circuit: median of \
                              rounds (least)"
                    .into()
            }
            Self::Allocations => "allocations per call".into(),
            Self::Bytes => "bytes on the heap, after 1 M calls".into(),
            Self::Http => format!(
                "requests per second, hyper on loopback, {} connections: median of rounds",
                http::WORKERS
            ),
        }
    }
}

impl Report {
    pub(crate) fn rows(&self, part: Part) -> &[Row] {
        let section = self.sections.iter().find(|section| section.part == part);
        section.map_or(&[], |section| &section.rows)
    }

    pub(crate) fn row(&self, part: Part, case: &str) -> Option<&Row> {
        self.rows(part).iter().find(|row| row.case == case)
    }

    pub(crate) fn plain(&self) -> String {
        let mut notes = Notes::default();
        let sections: Vec<_> = self.sections.iter().map(|one| one.texts(&mut notes)).collect();
        let heads: Vec<_> = ALL.iter().map(head).collect();
        let widths = widths(&heads, &sections);

        let mut text = String::new();
        let height = heads.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            // Names stand at the bottom of the head.
            let piece = |head: &Vec<String>| {
                (line + head.len()).checked_sub(height).map_or("", |at| &head[at]).to_owned()
            };
            push_line(&mut text, "", heads.iter().map(piece), &widths);
        }
        for (section, rows) in self.sections.iter().zip(&sections) {
            let _ = writeln!(text, "\n{}", section.part.title());
            for (row, cells) in section.rows.iter().zip(rows) {
                push_line(&mut text, &format!("  {}", row.case), cells.iter().cloned(), &widths);
            }
        }
        let _ = writeln!(text, "\n{}{}\n{}", notes.lines(), self.notes.join("\n"), self.made);
        if let Some(load) = &self.made.load {
            let _ = writeln!(text, "Load average when it began: {load}");
        }
        let _ = writeln!(text, "Command: {}", machine::command());
        text
    }
}

impl Section {
    fn texts(&self, notes: &mut Notes) -> Vec<Vec<String>> {
        let text = |cell: &Cell, notes: &mut Notes| match &cell.note {
            Some(note) => format!("{} [{}]", cell.text, notes.number_of(note)),
            None => cell.text.clone(),
        };
        let row = |row: &Row| row.cells.iter().map(|cell| text(cell, notes)).collect();
        self.rows.iter().map(row).collect()
    }
}

impl Notes {
    /// From 1.
    pub(crate) fn number_of(&mut self, note: &str) -> usize {
        let known = self.0.iter().position(|known| known == note);
        known.map_or_else(
            || {
                self.0.push(note.into());
                self.0.len()
            },
            |at| at + 1,
        )
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.0
    }

    fn lines(&self) -> String {
        let lines = self.0.iter().enumerate();
        lines.map(|(at, note)| format!("[{}] {note}\n", at + 1)).collect()
    }
}

/// Name, version and kind of a contestant, in lines that are not wide.
fn head(contestant: &Contestant) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in contestant.name.split_inclusive('-') {
        match lines.last_mut() {
            Some(line) if line.len() + piece.len() <= HEAD_WIDTH => line.push_str(piece),
            _ => lines.push(piece.into()),
        }
    }
    lines.extend(machine::version_of(contestant.name).map(Into::into));
    lines.extend(contestant.label.split_inclusive(", ").map(|part| part.trim_end().into()));
    lines
}

fn widths(heads: &[Vec<String>], sections: &[Vec<Vec<String>>]) -> Vec<usize> {
    let longest = |column: usize| {
        let cells = sections.iter().flatten().map(|cells| cells[column].chars().count());
        let head = heads[column].iter().map(|line| line.chars().count());
        cells.chain(head).max().unwrap_or(0)
    };
    (0..heads.len()).map(longest).collect()
}

fn push_line(text: &mut String, case: &str, cells: impl Iterator<Item = String>, widths: &[usize]) {
    let mut line = format!("{case:<CASE_WIDTH$}");
    for (cell, width) in cells.zip(widths) {
        let _ = write!(line, "  {cell:>width$}");
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

const HEAD_WIDTH: usize = 17;
const CASE_WIDTH: usize = 48;
