//! One outage and one circuit, from second to second.

use std::fmt::Write;
use std::time::Duration;

use tower_circuit_breaker::{ChangeReason, CircuitConfig, CircuitEvent, CircuitState};

use crate::bench::Bench;
use crate::report::grouped;
use crate::scenario::OUTAGE;
use crate::truth::{Truth, Turn};

/// What came of it.
pub(crate) struct Story {
    /// The name of the settings.
    pub(crate) settings: String,
    pub(crate) seconds: Vec<Second>,
    pub(crate) changes: Vec<Change>,
    /// When the upstream turned ill, and when well.
    pub(crate) turns: Vec<Turn>,
    pub(crate) length: Duration,
}

/// The calls that were made in one second.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Second {
    pub(crate) answered: u32,
    pub(crate) failed: u32,
    pub(crate) rejected: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) at: Duration,
    pub(crate) from: CircuitState,
    pub(crate) to: CircuitState,
    pub(crate) reason: ChangeReason,
    pub(crate) open_for: Option<Duration>,
}

impl Story {
    /// How many calls were answered, failed and were rejected.
    pub(crate) fn sums(&self) -> [u64; 3] {
        let sum = |of: fn(&Second) -> u32| self.seconds.iter().map(|one| u64::from(of(one))).sum();
        [sum(|one| one.answered), sum(|one| one.failed), sum(|one| one.rejected)]
    }

    /// From when to when the upstream was ill.
    pub(crate) fn ill(&self) -> [Duration; 2] {
        let at = |wanted: fn(&Turn) -> Option<Duration>| self.turns.iter().find_map(wanted);
        let began = at(|turn| if let Turn::Ill(at) = turn { Some(*at) } else { None });
        let ended = at(|turn| if let Turn::Well(at) = turn { Some(*at) } else { None });
        [began.unwrap_or(self.length), ended.unwrap_or(self.length)]
    }
}

/// Plays the outage through a circuit with the first of `settings`.
pub(crate) fn play(settings: &[(String, CircuitConfig)], seed: u64) -> Result<Story, String> {
    let turns = match OUTAGE.truth() {
        Truth::Known(turns) => turns.into(),
        Truth::Guessed(_) => Vec::new(),
    };
    let mut bench = Bench::new(settings, OUTAGE.truth());
    let mut seconds = Vec::new();
    for call in OUTAGE.calls(seed) {
        let rejected = bench.lanes[0].figures.rejected;
        bench.play(&call).map_err(|error| error.to_string())?;
        let place = usize::try_from(call.at.as_secs()).unwrap_or(usize::MAX);
        if place >= seconds.len() {
            seconds.resize(place + 1, Second::default());
        }
        let second: &mut Second = &mut seconds[place];
        if bench.lanes[0].figures.rejected > rejected {
            second.rejected += 1;
        } else if call.has_failed() {
            second.failed += 1;
        } else {
            second.answered += 1;
        }
    }
    bench.finish();
    let (settings, length) = (settings[0].0.clone(), bench.length());
    Ok(Story { settings, seconds, changes: changes(&bench), turns, length })
}

/// The last changes of the circuit, which keeps 256.
fn changes(bench: &Bench) -> Vec<Change> {
    let events = bench.lanes[0].circuit.recent_events();
    let change = |event: &tower_circuit_breaker::RecentEvent| {
        let at = bench.length().saturating_sub(event.ago);
        match event.event {
            CircuitEvent::StateChanged { from, to, reason, open_for, .. } => {
                Some(Change { at, from, to, reason, open_for })
            }
            _ => None,
        }
    };
    events.iter().filter_map(change).collect()
}

pub(crate) fn report(story: &Story) -> String {
    let mut lines: Vec<(Duration, String)> = Vec::new();
    for turn in &story.turns {
        lines.push(match turn {
            Turn::Ill(at) => (*at, "the upstream refuses connections".to_owned()),
            Turn::Well(at) => (*at, "the upstream is well".to_owned()),
        });
    }
    for change in &story.changes {
        let Change { at, from, to, reason, .. } = change;
        lines.push((*at, format!("{from} -> {to}: {reason}")));
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text = format!("{}: {}; settings: {}\n\n", OUTAGE.name, OUTAGE.about, story.settings);
    for (at, line) in lines {
        let _ = writeln!(text, "{:6.1} s  {line}", at.as_secs_f64());
    }
    let [answered, failed, rejected] = story.sums().map(grouped);
    let _ = writeln!(text, "\n{answered} calls answered, {failed} failed, {rejected} rejected");
    text
}
