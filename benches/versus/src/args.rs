//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures tower-circuit-breaker beside its peers, in one process.
///
/// Prints a table and writes a chart. Takes about a minute and a half; leave the machine alone meanwhile.
#[derive(Debug, Parser)]
#[command(name = "versus")]
pub(crate) struct Args {
    /// Measure for about 20 s only; the figures are rougher
    #[arg(long)]
    pub(crate) quick: bool,

    /// Print Markdown, for a README
    #[arg(long)]
    pub(crate) markdown: bool,

    /// Where to write the chart [default: versus.svg in the target directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) svg: Option<PathBuf>,
}
