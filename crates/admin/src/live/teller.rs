//! From a look at all circuits to the frames that tell what is new.

use std::collections::HashMap;

use serde::Serialize;
use tokio::time::Instant;
use tower_circuit_breaker::Health;

use crate::cell::{Cell, trimmed};
use crate::encode::to_json;
use crate::ids::Id;
use crate::live::compact::{BriefChange, Compact};
use crate::live::known::SentCounts;
use crate::live::look::Look;
use crate::live::roster::{Changed, Roster};
use crate::live::row::{Row, Table, ramp_left};
use crate::live::summary::Summary;
use crate::rates::{PerSecond, Shares};
use crate::wall_clock::millis;

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    health: Option<Health>,
    /// Whole changes since the second began.
    whole: usize,
    /// Those that are to be told in few bytes, once the second is over.
    many: HashMap<Id, IsNew>,
    /// Which tenth of the counts comes next.
    tenth: Id,
}

/// What is new in a look.
#[derive(Debug)]
pub(crate) struct News {
    health: Health,
    /// The number of the last command.
    audit: u64,
    /// Whether there is a change to tell, if it is of none of the circuits.
    is_change: bool,
    whole: Vec<Place>,
    removed: Vec<Id>,
    second: Option<Second>,
}

/// What is told each second.
#[derive(Debug)]
struct Second {
    rates: Option<PerSecond>,
    counts: Vec<(Id, SentCounts)>,
    many: Vec<(usize, Id, IsNew)>,
}

/// A circuit of a look: its place there, its number and its rates.
#[derive(Debug)]
struct Place {
    place: usize,
    id: Id,
    shares: Shares,
}

/// Whether readers do not know the name of a circuit.
type IsNew = bool;

/// A frame's name and its JSON.
pub(crate) type Frame = (&'static str, Vec<u8>);

/// A frame of some circuits.
#[derive(Debug, Serialize)]
struct NewsFrame<'a, T> {
    at: u64,
    health: Health,
    audit: u64,
    #[serde(flatten)]
    table: T,
    /// The numbers of those that are no more.
    removed: &'a [Id],
}

#[derive(Debug, Serialize)]
struct CountsTable {
    columns: [&'static str; 10],
    circuits: Vec<Vec<Cell<'static>>>,
}

impl Teller {
    /// Compares the look with what is known, which it is from now on. `audit` is the number of the last
    /// command.
    pub(crate) fn compare(
        &mut self,
        roster: &mut Roster,
        look: &Look,
        audit: u64,
        now: Instant,
    ) -> News {
        let health = look.health.or(self.health).unwrap_or(Health::Degraded);
        let before = self.health.replace(health);
        let mut changed = roster.changed(look);
        let removed = roster.removed(look);
        self.whole = self.whole.saturating_add(changed.len());
        if self.whole > MOST_WHOLE {
            self.many.extend(changed.drain(..).map(|it| (it.id, it.is_new)));
        }
        let second = roster.is_due(now).then(|| self.second(roster, look, now));
        let is_other = before.is_some_and(|before| before != health);
        let is_change = is_other || !changed.is_empty() || !removed.is_empty();
        News { health, audit, is_change, whole: places(roster, look, &changed), removed, second }
    }

    fn second(&mut self, roster: &mut Roster, look: &Look, now: Instant) -> Second {
        let rates = roster.sample(look, now);
        self.tenth = (self.tenth + 1) % TENTHS;
        let tenth = self.tenth;
        let counts = roster.counts(look, |id| id % TENTHS == tenth);
        self.whole = 0;
        let found = roster.places(look, |id| self.many.contains_key(&id));
        let many = found.into_iter();
        // One whose clock has panicked just now is told of later.
        let many = many.filter_map(|(at, id)| Some((at, id, self.many.remove(&id)?))).collect();
        if look.unseen.is_empty() {
            self.many.clear();
        }
        Second { rates, counts, many }
    }

    /// Nobody has looked for a while.
    pub(crate) fn forget(&mut self) {
        *self = Self { tenth: self.tenth, ..Self::default() };
    }
}

impl News {
    /// The frames that tell it. It asks circuits for their settings: not to be called under a lock.
    pub(crate) fn frames(&self, look: &Look) -> Vec<Frame> {
        let mut frames = Vec::new();
        if self.is_change {
            let rows: Vec<_> = self.whole.iter().filter_map(|place| place.row(look)).collect();
            let table = Table::of(&rows, look.at);
            frames.push(("change", self.told(look, table, &self.removed)));
        }
        if let Some(second) = &self.second {
            self.each_second(look, second, &mut frames);
        }
        frames
    }

    fn each_second(&self, look: &Look, second: &Second, frames: &mut Vec<Frame>) {
        if !second.many.is_empty() {
            let many = second.many.iter().filter_map(|(place, id, is_new)| {
                let looked = look.circuits.get(*place)?;
                Some(BriefChange { id: *id, looked, is_new: *is_new })
            });
            frames.push(("changes", self.told(look, Compact::of(many, look.at), &[])));
        }
        if !second.counts.is_empty() {
            frames.push(("counts", to_json(&CountsTable::of(&second.counts))));
        }
        let summary = Summary::of(look, second.rates, self.health, self.audit);
        frames.push(("tick", to_json(&summary)));
    }

    fn told<T: Serialize>(&self, look: &Look, table: T, removed: &[Id]) -> Vec<u8> {
        let (at, health, audit) = (millis(look.at), self.health, self.audit);
        to_json(&NewsFrame { at, health, audit, table, removed })
    }
}

fn places(roster: &Roster, look: &Look, of: &[Changed]) -> Vec<Place> {
    let shares = |place: usize| {
        let looked = look.circuits.get(place);
        looked.map(|looked| roster.shares(&looked.snapshot.name)).unwrap_or_default()
    };
    of.iter().map(|it| Place { place: it.place, id: it.id, shares: shares(it.place) }).collect()
}

impl Place {
    fn row<'a>(&self, look: &'a Look) -> Option<Row<'a>> {
        let looked = look.circuits.get(self.place)?;
        Some(Row {
            id: self.id,
            snapshot: &looked.snapshot,
            limits: looked.circuit.config().thresholds(),
            ramp_left: ramp_left(looked),
            is_critical: looked.is_critical,
            shares: self.shares,
        })
    }
}

impl CountsTable {
    fn of(counts: &[(Id, SentCounts)]) -> Self {
        let columns = [
            "id",
            "calls_per_second",
            "failure_share",
            "rejected_per_second",
            "in_flight",
            "nearness",
            "slow_call_rate",
            "p50_ms",
            "p95_ms",
            "p99_ms",
        ];
        let circuits = counts.iter().map(|(id, counts)| {
            trimmed(vec![
                Cell::Count((*id).into()),
                Cell::rate(counts.per_second.calls),
                Cell::or_nothing(counts.failure_share, Cell::share),
                Cell::rate(counts.per_second.rejected),
                Cell::or_nothing(counts.in_flight, Cell::Count),
                Cell::or_nothing(counts.nearness, Cell::share),
                Cell::or_nothing(counts.slow_call_rate, Cell::share),
                Cell::or_nothing(counts.latency, |of| Cell::Real(of.p50.millis())),
                Cell::or_nothing(counts.latency, |of| Cell::Real(of.p95.millis())),
                Cell::or_nothing(counts.latency, |of| Cell::Real(of.p99.millis())),
            ])
        });
        Self { columns, circuits: circuits.collect() }
    }
}

/// Over so many changes a second are told in few bytes.
const MOST_WHOLE: usize = 200;
/// All counts are told in ten seconds.
const TENTHS: Id = 10;
