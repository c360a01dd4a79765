//! A bench for the settings of circuits: what would they have done to these calls?

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "it tells what is wrong")]

mod bench;
mod call;
mod canvas;
mod chance;
mod clients;
mod columns;
mod draw;
mod draw_clients;
mod draw_outage;
mod lane;
mod log;
mod order;
mod outage;
mod report;
mod scenario;
mod settings;
#[cfg(test)]
mod tests;
mod timeline;
mod truth;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tower_circuit_breaker::CircuitConfig;

use crate::bench::Bench;
use crate::log::Log;
use crate::order::Ordered;
use crate::scenario::{SCENARIOS, Scenario};
use crate::truth::{Guess, Truth};

/// Plays calls, from a log or of an outage that is played, through several circuits at once, and says
/// what each would have done to them.
#[derive(Debug, Parser)]
#[command(name = "replay", args_conflicts_with_subcommands = true, after_help = after_help())]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    replay: Replay,
}

#[derive(Debug, clap::Args)]
struct Replay {
    /// A log of calls, CSV or JSON lines; `-` is standard input. Without one, scenarios are played
    #[arg(value_name = "LOG")]
    log: Option<PathBuf>,
    /// Plays this scenario alone
    #[arg(long, value_name = "NAME", value_parser = Scenario::named, conflicts_with = "log")]
    scenario: Option<&'static Scenario>,
    /// Settings to compare, a file of TOML or JSON or one of those below; may be given several times
    #[arg(long, value_name = "FILE|NAME")]
    settings: Vec<String>,
    /// Draws traffic, failures and states to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Chooses the calls of a scenario
    #[arg(long, value_name = "NUMBER", default_value_t = 1, conflicts_with = "log")]
    seed: u64,
    /// How much later than others that began later a call may stand in the log, such as 30s
    #[arg(long, value_name = "TIME", value_parser = parse_reorder, default_value = "0s")]
    reorder: Duration,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays many clients of one upstream that comes back, and the load that their circuits put on it
    #[command(after_help = settings::list(settings::CLIENTS))]
    Clients(Clients),
    /// Plays one outage through one circuit, and tells and draws what it does from second to second
    #[command(after_help = settings::list(settings::BUILT_IN))]
    Outage(Outage),
}

#[derive(Debug, clap::Args)]
struct Clients {
    /// How many clients there are
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,
    /// Settings to compare, a file of TOML or JSON or one of those below; may be given several times
    #[arg(long, value_name = "FILE|NAME")]
    settings: Vec<String>,
    /// Draws the load to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Chooses when calls are made
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, clap::Args)]
struct Outage {
    /// Settings of the circuit, a file of TOML or JSON or one of those below
    #[arg(long, value_name = "FILE|NAME", default_value = "default")]
    settings: String,
    /// Draws the time line to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Chooses when calls are made
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.command {
        Some(Command::Clients(args)) => play_clients(args),
        Some(Command::Outage(args)) => play_outage(args),
        None => replay(&args.replay),
    };
    match done {
        Ok(text) => {
            // Whoever reads may have seen enough.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::from(2)
        }
    }
}

fn replay(args: &Replay) -> Result<String, String> {
    let settings = settings::read(&args.settings, settings::BUILT_IN)?;
    if let Some(path) = &args.log {
        return replay_log(args, path, &settings);
    }
    if args.svg.is_some() && args.scenario.is_none() {
        return Err("--svg draws one picture: choose a scenario by --scenario, or a log".into());
    }
    let mut text = String::new();
    let chosen = SCENARIOS.iter().filter(|one| args.scenario.is_none_or(|it| it.name == one.name));
    for scenario in chosen {
        let mut bench = Bench::new(&settings, scenario.truth());
        for call in scenario.calls(args.seed) {
            bench.play(&call).map_err(|error| error.to_string())?;
        }
        bench.finish();
        picture(args, &bench, scenario.name, scenario.about)?;
        let (name, about, size) = (scenario.name, scenario.about, draw::about(&bench));
        text += &format!("{name}: {about}; {size}\n\n{}\n", report::report(&bench));
    }
    Ok(text + report::LEGEND)
}

fn replay_log(
    args: &Replay,
    path: &Path,
    settings: &[(String, CircuitConfig)],
) -> Result<String, String> {
    let bench = log(path, args.reorder, settings)?;
    let (name, about) = (path.display().to_string(), draw::about(&bench));
    picture(args, &bench, &name, &about)?;
    let (peak, table, legend) = (peak_memory(), report::report(&bench), report::LEGEND);
    Ok(format!("{name}: {about}{peak}\n\n{table}\n{legend}{LIMITS}"))
}

fn play_clients(args: &Clients) -> Result<String, String> {
    let settings = settings::read(&args.settings, settings::CLIENTS)?;
    let play = |(name, config): &(String, _)| clients::play(name, config, args.clients, args.seed);
    let outings: Vec<_> = settings.iter().map(play).collect();
    if let Some(path) = &args.svg {
        write_svg(path, draw_clients::draw(&outings, args.clients))?;
    }
    Ok(clients::report(&outings, args.clients))
}

fn play_outage(args: &Outage) -> Result<String, String> {
    let settings = settings::read(std::slice::from_ref(&args.settings), settings::BUILT_IN)?;
    let story = outage::play(&settings, args.seed)?;
    if let Some(path) = &args.svg {
        let svg = draw_outage::draw(&story);
        fs::write(path, svg).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(outage::report(&story))
}

/// Draws what `bench` has played, where that was asked for.
fn picture(args: &Replay, bench: &Bench, name: &str, about: &str) -> Result<(), String> {
    let Some(path) = &args.svg else { return Ok(()) };
    write_svg(path, draw::draw(bench, name, about))
}

fn write_svg(path: &Path, drawn: canvas::Drawn<String>) -> Result<(), String> {
    let svg = drawn.map_err(|error| error.to_string())?;
    fs::write(path, svg).map_err(|error| format!("{}: {error}", path.display()))
}

/// The most memory that this process has had, where the system tells.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(String::new, |peak| format!(", in {} of memory", peak.trim()))
}

/// Plays the log at `path`.
fn log(
    path: &Path,
    reorder: Duration,
    settings: &[(String, CircuitConfig)],
) -> Result<Bench, String> {
    let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    let mut bench = Bench::new(settings, Truth::Guessed(Guess::default()));
    for call in Ordered::new(Log::new(reader), reorder) {
        let call = call.map_err(|error| format!("{}: {error}", path.display()))?;
        bench.play(&call).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    bench.finish();
    Ok(bench)
}

fn parse_reorder(text: &str) -> Result<Duration, String> {
    call::parse_latency(text).ok_or_else(|| format!("must be {}", call::LATENCY))
}

fn after_help() -> String {
    let scenario = |one: &Scenario| format!("  {:<12} {}\n", one.name, one.about);
    let scenarios: String = SCENARIOS.iter().map(scenario).collect();
    format!(
        "{}\nScenarios:\n{scenarios}\n\
         A log is CSV whose first line names the columns time,latency,outcome, or JSON lines with \
         these fields;\nothers are passed over. time is when the call began: {}.\n\
         latency is {}.\noutcome is {}.",
        settings::list(settings::BUILT_IN),
        call::TIME,
        call::LATENCY,
        call::OUTCOME
    )
}

/// What a log cannot tell.
const LIMITS: &str = "\
A log has only what was tried then; when the upstream was ill is guessed from the calls in it.
";
