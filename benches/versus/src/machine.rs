//! On what, by what and when a table was made.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::commit;

/// How a table came to be.
#[derive(Debug)]
pub(crate) struct Made {
    /// Processor and cores: ratios of another one are others.
    pub(crate) machine: String,
    compiler: &'static str,
    date: String,
    commit: String,
    /// What other programs were doing when it began; Linux says it, others do not.
    pub(crate) load: Option<String>,
}

impl Made {
    pub(crate) fn now() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            machine: format!("{}, {cores} cores", processor()),
            compiler: compiler(),
            date: date(SystemTime::now()),
            commit: commit::measured(),
            load: load_average(),
        }
    }
}

impl Display for Made {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { machine, compiler, date, commit, .. } = self;
        write!(f, "{machine}; {compiler}; {date}; {commit}")
    }
}

/// Name and version, without the commit.
fn compiler() -> &'static str {
    let version = env!("COMPILER");
    version.split_once(" (").map_or(version, |(version, _)| version)
}

fn load_average() -> Option<String> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    load.split_whitespace().next().map(Into::into)
}

/// The command that this is the output of.
pub(crate) fn command() -> String {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let arguments =
        if words.is_empty() { String::new() } else { format!(" -- {}", words.join(" ")) };
    format!("{COMMAND}{arguments}")
}

/// The command that writes the README's table.
pub(crate) fn command_to_record() -> String {
    format!("{COMMAND} -- --markdown")
}

/// The version of `name` that this program was built with.
pub(crate) fn version_of(name: &str) -> Option<&'static str> {
    let start = include_str!("../Cargo.lock").split_once(&format!("name = \"{name}\"\n"))?.1;
    start.strip_prefix("version = \"")?.split('"').next()
}

fn processor() -> String {
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    model.unwrap_or_else(|| format!("unknown {} processor", std::env::consts::ARCH))
}

/// The day in UTC.
fn date(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut days = since.as_secs() / (24 * 60 * 60);
    let mut year = 1970;
    while days >= days_in(year) {
        days -= days_in(year);
        year += 1;
    }
    let february = if days_in(year) == 366 { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02} UTC", days + 1)
}

const fn days_in(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    if leap { 366 } else { 365 }
}

const COMMAND: &str = "cargo run --release --manifest-path benches/versus/Cargo.toml";
