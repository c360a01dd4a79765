//! A table of costs, read back.

/// What a README says that calls cost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// On which it was measured.
    pub(crate) machine: String,
    /// Machine, compiler, date and commit.
    pub(crate) made: String,
    /// Of the columns, without that of the rows' names.
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) cells: Vec<String>,
}

impl Recorded {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        // It may go on in the next line.
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, made) = words
            .split_once(MEASURED_ON)
            .ok_or("it does not say on which machine its figures were measured")?;
        let (machine, _) = made.split_once(';').ok_or("its machine is not followed by `;`")?;
        let mut lines = text.lines().filter_map(line);
        let heads = lines.next().ok_or("it has no table")?.cells;
        let rows = lines.filter(|line| !line.name.starts_with("---")).collect();
        Ok(Self { machine: machine.into(), made: made.into(), heads, rows })
    }

    /// What stands in that row and column.
    pub(crate) fn cell(&self, row: &str, head: &str) -> Option<&str> {
        let column = self.heads.iter().position(|known| known == head)?;
        let row = self.rows.iter().find(|known| known.name == row)?;
        row.cells.get(column).map(String::as_str)
    }
}

/// The ratio to a peer in a cell, which stands first in the brackets.
pub(crate) fn ratio(cell: &str) -> Option<f64> {
    let (_, inside) = cell.split_once('(')?;
    inside.split([';', ')']).next()?.parse().ok()
}

fn line(text: &str) -> Option<Line> {
    let inside = text.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let mut cells = inside.split('|').map(|cell| cell.trim().to_owned());
    Some(Line { name: cells.next()?, cells: cells.collect() })
}

/// Begins the last sentence, which says on what, with what and when a table was made.
pub(crate) const MEASURED_ON: &str = "Measured on ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_columns_and_the_machine_are_read() {
        let text = "Nanoseconds.\n\n| | this crate | recloser 1.4 ² |\n|---|---:|---:|\n\
                    | count window | 26.1 (1.04) | **25.0** |\n\n² A function. Measured\non A, 2 \
                    cores; rustc; today.\n";

        let recorded = Recorded::read(text).expect("a table");

        assert_eq!(recorded.machine, "A, 2 cores");
        assert_eq!(recorded.made, "A, 2 cores; rustc; today.");
        assert_eq!(recorded.cell("count window", "this crate"), Some("26.1 (1.04)"));
        assert_eq!(recorded.cell("count window", "recloser 1.4 ²"), Some("**25.0**"));
        assert_eq!(recorded.cell("time window", "this crate"), None);
    }

    #[test]
    fn a_table_without_a_machine_cannot_be_compared() {
        let error =
            Recorded::read("| | a |\n|---|---|\n| b | 1 (1.00) |\n").expect_err("no machine");

        assert_eq!(error, "it does not say on which machine its figures were measured");
    }

    #[test]
    fn the_ratio_to_a_peer_stands_first_in_the_brackets() {
        assert_eq!(ratio("26.1 (1.04)"), Some(1.04));
        assert_eq!(ratio("140 (0.45; ×5.4) ³"), Some(0.45));
        for cell in ["**25.0**", "–", "0 / 0", "1,120 / 1,592"] {
            assert_eq!(ratio(cell), None, "{cell}");
        }
    }
}
