//! tower-circuit-breaker beside its peers, over the same inner service, in one process.
//!
//! `cargo run --release --manifest-path benches/versus/Cargo.toml` prints a table and writes a
//! chart. Nothing in them is written down here: each figure was measured in that run, and where
//! there is none the table says why.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::cases::{CALLS, Case, GROWTH, Manner};
use crate::contestants::Rule;
use crate::inner::Load;
use crate::measure::Effort;
use crate::table::{Report, Row, Section};

mod alloc;
mod args;
mod cases;
mod chart;
mod contestants;
mod figure;
mod http;
mod inner;
mod machine;
mod measure;
mod memory;
mod pin;
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

fn run(args: &Args) -> Result<(), String> {
    let svg = args.svg.clone().map_or_else(default_svg, Ok)?;
    // Before minutes are spent on what then cannot be written.
    let written = OpenOptions::new().append(true).create(true).open(&svg);
    written.map_err(|error| cannot_write(&svg, &error))?;

    let load = machine::load_average();
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let calls: Vec<_> = CALLS.into_iter().map(|case| progress(case, effort)).collect();
    let growth: Vec<_> = GROWTH.into_iter().map(|(held, name)| grow(held, name, effort)).collect();
    let threads = threads::rows(effort);
    eprintln!("allocations, bytes, requests over HTTP");
    let (allocations, bytes) = (memory::allocation_rows(), memory::byte_rows(effort));
    let http = vec![http::row(effort)];

    let made = machine::describe();
    let points: Vec<_> = GROWTH.iter().map(|(held, _)| *held).zip(&growth).collect();
    let chart =
        chart::draw(&calls, &threads, &points, &made).map_err(|error| format!("chart: {error}"))?;
    fs::write(&svg, chart).map_err(|error| cannot_write(&svg, &error))?;

    let requests = format!(
        "requests per second, hyper on loopback, {} connections: median of rounds",
        http::WORKERS
    );
    let sections = [
        ("ns per call above the bare service: median of rounds (least)", calls),
        (
            "ns per call above the bare service, time window of 10 s: median of rounds (least)",
            growth,
        ),
        (
            "ns per call above the bare service, threads on one circuit: median of rounds (least)",
            threads,
        ),
        ("allocations per call", allocations),
        ("bytes on the heap, after 1 M calls", bytes),
        (&requests, http),
    ];
    let sections = sections.map(|(title, rows)| Section { title: title.into(), rows });
    let report = Report { sections: sections.into(), made: notes(&made, load.as_deref()) };
    let text = if args.markdown { report.markdown() } else { report.plain() };
    let printed = io::stdout().write_all(text.as_bytes());
    printed.map_err(|error| format!("cannot print the table: {error}"))?;
    eprintln!("chart: {}", svg.display());
    Ok(())
}

fn progress(case: Case, effort: Effort) -> Row {
    eprintln!("{}", case.name);
    cases::row(case, effort)
}

fn grow(held: u32, name: &'static str, effort: Effort) -> Row {
    let (rule, load, manner) = (Rule::Time, Load::Fine, Manner::Holding(held));
    progress(Case { name, rule, load, manner }, effort)
}

/// How the table was made, below it.
fn notes(made: &str, load: Option<&str>) -> Vec<String> {
    let mut notes = vec![
        "A call is poll_ready, call, and polls to completion, over a service that is always ready; \
         \"bare\" is that service alone."
            .into(),
        "\"function only\", \"Circuit::call\": wraps futures, not services; measured around the \
         future of the same service."
            .into(),
        "Threads: time from the first start to the last end, divided by the calls of all, in \
         rounds where all were under way for 75 % of it; each has a service of its own; a call that \
         is pending is polled again at once."
            .into(),
    ];
    notes.extend(threads::left_out());
    if cfg!(debug_assertions) {
        notes.push("Built without --release: the figures mean nothing.".into());
    }
    notes.push(made.into());
    notes.extend(load.map(|load| format!("Load average when it began: {load}")));
    notes.push(format!("Command: {}", machine::command()));
    notes
}

/// In the target directory, which the program itself is two levels below.
fn default_svg() -> Result<PathBuf, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("no target directory: {error}"))?;
    let target = program.ancestors().nth(2).ok_or("no target directory; use --svg PATH")?;
    Ok(target.join("versus.svg"))
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
