//! Progress: in place and in colour on a terminal, plain lines anywhere else.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tower_circuit_breaker::{CircuitSnapshot, CircuitState};

use crate::lane::Lane;

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    style: Style,
    started: Instant,
    /// How many lines of progress stand below the last note.
    lines_in_place: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Terminal,
    Plain,
}

impl Screen {
    pub(crate) fn new(started: Instant) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let style =
            if io::stdout().is_terminal() && !plain { Style::Terminal } else { Style::Plain };
        Self { style, started, lines_in_place: 0 }
    }

    /// Prints `text` below all else; progress goes on below it.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.lines_in_place = 0;
        put(&format!("{text}\n"))
    }

    /// Shows progress and notes. Ends only when they cannot be shown.
    pub(crate) async fn follow(
        &mut self,
        lanes: &[Lane],
        notes: &mut mpsc::UnboundedReceiver<String>,
    ) -> io::Result<()> {
        let mut ticks = interval(self.style.pace());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The first is due at once, when there is nothing to show.
        ticks.tick().await;
        loop {
            tokio::select! {
                biased;
                Some(note) = notes.recv() => self.note(&note, lanes)?,
                _ = ticks.tick() => self.progress(lanes)?,
            }
        }
    }

    /// A note stays; on a terminal the progress moves on below it.
    fn note(&mut self, note: &str, lanes: &[Lane]) -> io::Result<()> {
        let line = format!("{:>5.1} s  {note}\n", self.started.elapsed().as_secs_f64());
        match self.style {
            Style::Plain => put(&line),
            Style::Terminal => self.redraw(&line, lanes),
        }
    }

    fn progress(&mut self, lanes: &[Lane]) -> io::Result<()> {
        match self.style {
            Style::Terminal => self.redraw("", lanes),
            Style::Plain => {
                let time = self.started.elapsed().as_secs_f64();
                lanes.iter().try_for_each(|lane| {
                    put(&format!("{time:>5.1} s  {}\n", line_of(lane, Style::Plain)))
                })
            }
        }
    }

    /// One write for all, so that nothing flickers.
    fn redraw(&mut self, note: &str, lanes: &[Lane]) -> io::Result<()> {
        let mut text = String::new();
        if self.lines_in_place > 0 {
            let _ = write!(text, "\x1b[{}A", self.lines_in_place);
        }
        if !note.is_empty() {
            let _ = write!(text, "\x1b[J{note}");
        }
        text.push_str(NO_WRAP);
        for lane in lanes {
            let _ = writeln!(text, "{}\x1b[K", line_of(lane, Style::Terminal));
        }
        text.push_str(WRAP);
        self.lines_in_place = lanes.len();
        put(&text)
    }
}

impl Style {
    /// How often progress is shown.
    const fn pace(self) -> Duration {
        match self {
            Self::Terminal => Duration::from_millis(100),
            Self::Plain => Duration::from_secs(1),
        }
    }

    fn paint(self, state: CircuitState) -> String {
        let name = state.as_str();
        let colour = match state {
            CircuitState::Closed => "\x1b[32m",
            CircuitState::HalfOpen => "\x1b[33m",
            CircuitState::Open => "\x1b[31m",
        };
        match self {
            Self::Plain => format!("{name:<9}"),
            Self::Terminal => format!("{colour}{name:<9}\x1b[0m"),
        }
    }
}

fn line_of(lane: &Lane, style: Style) -> String {
    let snapshot = lane.circuit.snapshot();
    let (name, state, next) = (lane.name, style.paint(snapshot.state), next_probe(&snapshot));
    let tally = lane.tally();
    let (calls, failed, rejected) = (tally.calls(), tally.failed, tally.rejected);
    let line = format!(
        "{name}  {state} {calls:>6} calls {failed:>5} failed {rejected:>5} rejected  {next}"
    );
    line.trim_end().to_owned()
}

fn next_probe(snapshot: &CircuitSnapshot) -> String {
    match (snapshot.state, snapshot.retry_after) {
        (CircuitState::HalfOpen, _) => "probing".to_owned(),
        (_, Some(wait)) => format!("next probe in {:.1} s", wait.as_secs_f64()),
        (_, None) => String::new(),
    }
}

fn put(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// A line too long for the terminal is cut, as a wrapped one could not be redrawn in place.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
