//! The statements that decide in the database, each by itself, and in one transaction of its own.
//!
//! What they do is written in `statements/*.sql`; the rules are those of the fleet crate's `Ledger`.

use std::time::Duration;

use crate::names::Names;

/// The text of each, for one schema.
#[derive(Debug, Clone)]
pub(crate) struct Statements {
    pub(crate) vote: String,
    pub(crate) settle: String,
    pub(crate) lease: String,
    pub(crate) restore: String,
    pub(crate) command: String,
    pub(crate) withdraw: String,
    pub(crate) merge: String,
    pub(crate) read: String,
    pub(crate) changes: String,
    pub(crate) begin: String,
    pub(crate) join: String,
    pub(crate) sweep: String,
    pub(crate) rows: String,
    pub(crate) announce: String,
    pub(crate) census: String,
    pub(crate) look: String,
    pub(crate) schema: String,
}

/// The clock of the database, in microseconds.
const NOW: &str = "floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// Above all epochs that the row and the process know of, and that of the clock.
const EPOCH: &str =
    "greatest(greatest(epoch, CASE WHEN $4 > us + 86400000000 THEN 0 ELSE $4 END) + 1, us)";

/// A record as one line.
const LINE: &str = "concat_ws(' ', CASE WHEN n.words = '' THEN '1' ELSE '2' END, n.epoch, n.state, n.ends, \
    n.lasts, n.step, n.cause, n.node, nullif(n.words, ''))";

/// The tables, by what stands for them in a text.
pub(crate) const TABLES: [(&str, &str); 3] = [
    ("{circuits}", "breaker_circuits"),
    ("{fleets}", "breaker_fleets"),
    ("{processes}", "breaker_processes"),
];

impl Statements {
    pub(crate) fn new(names: &Names) -> Self {
        let text = |text: &str| filled(text, names);
        let decides = |decided: &str| {
            text(
                &[include_str!("statements/was.sql"), decided, include_str!("statements/put.sql")]
                    .concat(),
            )
        };
        Self {
            vote: decides(include_str!("statements/vote.sql")),
            settle: decides(include_str!("statements/settle.sql")),
            lease: decides(include_str!("statements/lease.sql")),
            restore: decides(include_str!("statements/restore.sql")),
            command: decides(include_str!("statements/command.sql")),
            withdraw: text(include_str!("statements/withdraw.sql")),
            merge: text(include_str!("statements/merge.sql")),
            read: text(include_str!("statements/read.sql")),
            changes: text(include_str!("statements/changes.sql")),
            begin: text(include_str!("statements/begin.sql")),
            join: text(include_str!("statements/join.sql")),
            sweep: text(include_str!("statements/sweep.sql")),
            rows: text(include_str!("statements/rows.sql")),
            announce: text(include_str!("statements/announce.sql")),
            census: text(include_str!("statements/census.sql")),
            look: text(include_str!("statements/look.sql")),
            schema: text(include_str!("statements/schema.sql")),
        }
    }
}

/// Without comments, which are for who reads the files: what is sent is sent each time.
fn filled(text: &str, names: &Names) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("--")).map(str::trim);
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.replace("{now}", NOW).replace("{epoch}", EPOCH).replace("{line}", LINE);
    TABLES.iter().fold(text, |text, (sign, table)| text.replace(sign, &names.table(table)))
}

/// Milliseconds as the database counts them.
pub(crate) fn millis(time: Duration) -> i64 {
    // Longer than anything is meant to last, and still a number in every store.
    const LONGEST: i64 = 1_000_000_000_000;
    i64::try_from(time.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}

/// An epoch or another number as the database counts them.
pub(crate) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_whole_and_name_the_tables_of_the_schema() {
        let statements = Statements::new(&Names::new("shop", "f"));
        for text in [&statements.vote, &statements.command, &statements.merge, &statements.schema] {
            assert!(text.contains("\"shop\".breaker_"), "{text}");
            assert!(
                !text.contains("{now}") && !text.contains("{line}") && !text.contains("--"),
                "{text}"
            );
        }
    }
}
