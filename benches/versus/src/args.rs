//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures tower-circuit-breaker beside its peers, in one process.
///
/// Prints a table and writes a chart. Takes some minutes; leave the machine alone meanwhile.
#[derive(Debug, Parser)]
#[command(name = "versus")]
pub(crate) struct Args {
    /// Measure for about a quarter of the time; the figures are rougher
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) quick: bool,

    /// Write the table of costs into a README, between its markers, and the chart to
    /// docs/versus.svg beside it [default: the repository's README.md]
    #[arg(long, value_name = "README", num_args = 0..=1, default_missing_value = README)]
    pub(crate) markdown: Option<PathBuf>,

    /// Print the table of a README and the new one side by side, and fail where a ratio to a peer is
    /// off by more than 15 % twice, on the machine alone that the README names [default: as above]
    #[arg(long, value_name = "README", num_args = 0..=1, default_missing_value = README)]
    #[arg(conflicts_with = "markdown")]
    pub(crate) check: Option<PathBuf>,

    /// Where to write the chart [default: versus.svg in the target directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
