//! tower-circuit-breaker beside its peers, over the same inner service, in one process.
//!
//! `cargo run --release --manifest-path benches/versus/Cargo.toml` prints a table and writes a
//! chart; `-- --markdown` writes the README's table, and `-- --check` holds that against a new one.
//! Nothing in them is written down here: each figure was measured in that run, and where there is
//! none the table says why.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::measure::Effort;
use crate::readme::{Comparison, Readme, Recorded};

mod alloc;
mod args;
mod cases;
mod chart;
mod commit;
mod contestants;
mod figure;
mod http;
mod inner;
mod machine;
mod measure;
mod memory;
mod pin;
mod readme;
mod report;
mod subject;
mod table;
mod threads;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Looks at all files first, before minutes are spent on what then cannot be written or compared.
fn run(args: &Args) -> Result<(), String> {
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    if let Some(path) = &args.check {
        let readme = Readme::open(path)?;
        return check(&readme.recorded()?, effort);
    }
    let readme = args.markdown.as_deref().map(Readme::open).transpose()?;
    let svg = svg(args)?;
    let written = OpenOptions::new().append(true).create(true).open(&svg);
    written.map_err(|error| cannot_write(&svg, &error))?;

    let report = report::measure(effort);
    print(&report.plain())?;
    let chart = chart::draw(&report).map_err(|error| format!("chart: {error}"))?;
    fs::write(&svg, chart).map_err(|error| cannot_write(&svg, &error))?;
    eprintln!("chart: {}", svg.display());
    readme.map_or(Ok(()), |readme| readme.write(&readme::costs(&report)))
}

/// What is off once may be chance; what is off twice is not.
fn check(recorded: &Recorded, effort: Effort) -> Result<(), String> {
    let first = beside(recorded, effort)?;
    if first.is_held() {
        return Ok(());
    }
    eprintln!("measured once more, for what of that is chance");
    let second = beside(recorded, effort)?;
    let off = first.off_again(&second);
    if off.is_empty() {
        return Ok(());
    }
    let command = machine::command_to_record();
    Err(format!(
        "not the recorded ratios, twice: {}\nWhere that is meant, on a quiet machine: {command}",
        off.join("; ")
    ))
}

/// Measures, and prints what was recorded beside it.
fn beside(recorded: &Recorded, effort: Effort) -> Result<Comparison, String> {
    let report = report::measure(effort);
    let comparison = readme::compare(recorded, &Recorded::read(&readme::costs(&report))?);
    print(&comparison.text)?;
    if let Some(load) = &report.made.load {
        eprintln!("load average when it began: {load}");
    }
    Ok(comparison)
}

fn print(text: &str) -> Result<(), String> {
    let printed = io::stdout().write_all(text.as_bytes());
    printed.map_err(|error| format!("cannot print: {error}"))
}

/// That of the README, if one is written; otherwise in the target directory, which the program itself
/// is two levels below.
fn svg(args: &Args) -> Result<PathBuf, String> {
    if let Some(svg) = &args.svg {
        return Ok(svg.clone());
    }
    if let Some(readme) = &args.markdown {
        return Ok(readme.with_file_name("docs").join("versus.svg"));
    }
    let program =
        std::env::current_exe().map_err(|error| format!("no target directory: {error}"))?;
    let target = program.ancestors().nth(2).ok_or("no target directory; use --svg FILE")?;
    Ok(target.join("versus.svg"))
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
