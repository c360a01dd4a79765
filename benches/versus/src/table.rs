//! The table: plain or Markdown.

use std::fmt::Write;

use crate::contestants::{ALL, Contestant};
use crate::figure::Cell;
use crate::machine;

/// Everything that is printed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) sections: Vec<Section>,
    /// How it was made, one line each.
    pub(crate) made: Vec<String>,
}

/// Rows of one unit.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) case: String,
    /// One for each contestant.
    pub(crate) cells: Vec<Cell>,
}

/// What the numbers in square brackets mean.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Report {
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
            let _ = writeln!(text, "\n{}", section.title);
            for (row, cells) in section.rows.iter().zip(rows) {
                push_line(&mut text, &format!("  {}", row.case), cells.iter().cloned(), &widths);
            }
        }
        let _ = writeln!(text, "\n{}{}", notes.lines(""), self.made.join("\n"));
        text
    }

    pub(crate) fn markdown(&self) -> String {
        let mut notes = Notes::default();
        let mut text = String::new();
        let heads: Vec<_> = ALL.iter().map(|one| head(one).concat_words()).collect();
        for section in &self.sections {
            let _ = writeln!(text, "**{}**\n\n| | {} |", section.title, heads.join(" | "));
            let _ = writeln!(text, "|---|{}", "---:|".repeat(heads.len()));
            for (row, cells) in section.rows.iter().zip(section.texts(&mut notes)) {
                let _ = writeln!(text, "| {} | {} |", row.case, cells.join(" | "));
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{}\n{}", notes.lines("- "), self.made.join("\\\n"));
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
    fn number_of(&mut self, note: &str) -> usize {
        let known = self.0.iter().position(|known| known == note);
        known.map_or_else(
            || {
                self.0.push(note.into());
                self.0.len()
            },
            |at| at + 1,
        )
    }

    fn lines(&self, bullet: &str) -> String {
        let lines = self.0.iter().enumerate();
        lines.map(|(at, note)| format!("{bullet}[{}] {note}\n", at + 1)).collect()
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

trait ConcatWords {
    fn concat_words(&self) -> String;
}

impl ConcatWords for Vec<String> {
    /// One line of it; a name that was cut goes on without a space.
    fn concat_words(&self) -> String {
        self.join(" ").replace("- ", "-")
    }
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
