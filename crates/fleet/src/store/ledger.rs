//! What a store keeps of one circuit, and what becomes of it: the rules that every store follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::{Voter, YOUNG, holder};
use crate::record::{BadRecord, Cause, FleetRecord, Standing, is_ahead};
use crate::request::{Ask, Looked, Reply, Shown};
use crate::terms::Terms;
use crate::word::Word;
use crate::words::Words;

/// The record of one circuit, its votes and its leases.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    record: Option<FleetRecord>,
    /// By the process that cast it: whose, and when.
    votes: BTreeMap<String, (String, u64)>,
    /// By epoch and slot: which node, until when.
    leases: HashMap<(u64, u32), (String, u64)>,
    /// Two writes are never in the same microsecond.
    writes: u64,
    /// Every epoch is above it.
    floor: u64,
    /// What was published and not yet taken.
    pub published: Vec<Word>,
}

/// What is written, but for its epoch and by whom.
struct Written<'a> {
    state: &'a str,
    ends: u64,
    lasts: u64,
    /// Or the serial of an override; 0 for one that begins.
    step: u64,
    cause: Cause,
    words: Words,
}

impl Written<'_> {
    fn closed(cause: Cause) -> Self {
        Self { state: "c", ends: 0, lasts: 0, step: 0, cause, words: Words::default() }
    }
}

impl Ledger {
    /// An empty one, whose epochs are above `floor`.
    pub(crate) fn above(floor: u64) -> Self {
        Self { floor, ..Self::default() }
    }

    /// Returns the epoch of the record; 0 where there is none.
    pub fn epoch(&self) -> u64 {
        self.record.as_ref().map_or(0, FleetRecord::epoch)
    }

    /// Returns the record, if there is one.
    pub fn record(&self) -> Option<&FleetRecord> {
        self.record.as_ref()
    }

    /// Who has voted, and who may probe in the open epoch of this number.
    pub(crate) fn look(&self, open: Option<u64>, now: u64) -> Looked {
        let votes: BTreeSet<_> = self.votes.values().map(|(vote, _)| vote.clone()).collect();
        let leases = self.leases.iter().filter(|((epoch, _), _)| Some(*epoch) == open);
        let leases = leases.filter(|(_, (_, ends))| *ends > now);
        let held = |(id, ends): &(String, u64)| (holder(id), Duration::from_millis(ends - now));
        let leases = leases.map(|(_, lease)| held(lease)).collect();
        Looked { votes: votes.into_iter().collect(), leases }
    }

    /// Forgets everything.
    pub fn flush(&mut self) {
        self.record = None;
        self.votes.clear();
        self.leases.clear();
    }

    /// Forgets who may probe.
    #[cfg(test)]
    pub(crate) fn forget_leases(&mut self) {
        self.leases.clear();
    }

    /// Goes back to what was saved.
    pub fn load(&mut self, saved: &Self) {
        *self = Self { writes: self.writes, published: Vec::new(), ..saved.clone() };
    }

    /// Answers when the store's clock says `now`, in milliseconds.
    ///
    /// # Errors
    ///
    /// Where the record, or what the process says it is, is more than a day ahead of that clock: only an
    /// operator's command overwrites such a one.
    pub fn answer(&mut self, terms: &Terms, ask: &Ask, now: u64) -> Result<Reply, BadRecord> {
        let is_command = matches!(ask, Ask::Command { .. });
        if self.record.as_ref().is_some_and(|record| record.is_ahead_of(now)) {
            if !is_command {
                return Err(BadRecord::AHEAD);
            }
            self.record = None;
        }
        let (node, id) = (terms.identity.name.as_str(), terms.identity.id());
        let (code, number) = match ask {
            Ask::Vote { known, open_for, step, cause, voter } => {
                let stated = (*known, *open_for, *step, *cause);
                (self.vote(terms, *voter, stated, now), 0)
            }
            Ask::Withdraw => (self.votes.remove(&id).map_or(0, |_| 1), 0),
            Ask::Settle { epoch, shown } => (self.settle(node, *epoch, *shown, now)?, 0),
            Ask::Lease { epoch, lasts } => self.lease(&id, *epoch, *lasts, terms.fleet_probes, now),
            Ask::Restore { record, left } => (self.restore(record, *left, now)?, 0),
            Ask::Command { known, command, words } => {
                (self.command(node, *known, (*command, words), now), 0)
            }
            _ => (0, 0),
        };
        let word = self.word(now).filter(|_| ask.has_view());
        Ok(Reply { code, number, word, ..Reply::default() })
    }

    /// Returns the record, and what is left of its time at `now`, in milliseconds.
    pub fn word(&self, now: u64) -> Option<Word> {
        let record = self.record.clone()?;
        let (left, age) = (record.left(now), Some(record.age(now)));
        Some(Word { record, left, age })
    }

    fn vote(
        &mut self,
        terms: &Terms,
        voter: Voter,
        (known, open_for, step, cause): (u64, Duration, u32, Cause),
        now: u64,
    ) -> i64 {
        let stands = self.record.as_ref().is_some_and(|record| {
            let is_open = record.standing == Standing::Open && record.left(now) > Duration::ZERO;
            let is_newer = known > 0 && record.epoch() > known;
            is_open || is_newer || is_forced(record, now)
        });
        if stands {
            return 0;
        }
        let identity = &terms.identity;
        self.votes.insert(identity.id(), (identity.vote_of(voter).to_owned(), now));
        let counts = |at: u64| at <= now && now - at <= millis(terms.vote_window);
        self.votes.retain(|_, (_, at)| counts(*at));
        let own: BTreeSet<_> = self.votes.values().map(|(vote, _)| vote).collect();
        // Whoever has just joined may be one that has voted and crashed since.
        let votes = own.iter().filter(|vote| **vote != YOUNG).count().max(1);
        let quorum = if cause.needs_quorum() { terms.quorum as usize } else { 1 };
        if votes >= quorum {
            self.votes.clear();
            self.open(&identity.name, known, open_for, step, cause, now);
        }
        i64::try_from(votes).unwrap_or(i64::MAX)
    }

    fn open(
        &mut self,
        node: &str,
        known: u64,
        open_for: Duration,
        step: u32,
        cause: Cause,
        now: u64,
    ) {
        let lasts = millis(open_for);
        let ends = now.saturating_add(lasts);
        let (step, words) = (step.into(), Words::default());
        let written = Written { state: "o", ends, lasts, step, cause, words };
        self.write(node, known, &written, now);
    }

    fn settle(&mut self, node: &str, epoch: u64, shown: Shown, now: u64) -> Result<i64, BadRecord> {
        refuse_ahead(epoch, now)?;
        let is_stale = self.record.as_ref().is_some_and(|record| {
            record.epoch() > epoch || (record.epoch() == epoch && record.standing != Standing::Open)
        });
        if is_stale {
            return Ok(0);
        }
        self.votes.clear();
        match shown {
            Shown::Well => self.write(node, epoch, &Written::closed(Cause::Probes), now),
            Shown::Failing { open_for, step } => {
                self.open(node, epoch, open_for, step, Cause::Probes, now);
            }
        }
        Ok(1)
    }

    fn lease(
        &mut self,
        id: &str,
        epoch: u64,
        lasts: Duration,
        fleet_probes: u32,
        now: u64,
    ) -> (i64, i64) {
        if self.epoch() > epoch {
            return (-1, 0);
        }
        let ends = now.saturating_add(millis(lasts).max(1));
        let left = |ends: u64| i64::try_from(ends - now).unwrap_or(i64::MAX);
        self.leases.retain(|_, (_, ends)| *ends > now);
        let mut first = i64::MAX;
        for slot in 0..fleet_probes {
            let (owner, ends) =
                self.leases.entry((epoch, slot)).or_insert_with(|| (id.to_owned(), ends));
            if owner == id {
                return (1, left(*ends));
            }
            first = first.min(left(*ends));
        }
        (0, first)
    }

    fn restore(
        &mut self,
        record: &FleetRecord,
        left: Duration,
        now: u64,
    ) -> Result<i64, BadRecord> {
        refuse_ahead(record.epoch(), now)?;
        if self.epoch() >= record.epoch() {
            return Ok(0);
        }
        let (left, lasts) = (millis(left), millis(record.open_for));
        let ends = if lasts > 0 { now + left } else { 0 };
        let written = Written {
            state: record.standing.as_str(),
            ends,
            lasts,
            step: record.step_or_serial(),
            cause: record.cause,
            words: record.words().clone(),
        };
        self.put(record.node(), record.epoch(), &written, now);
        Ok(1)
    }

    fn command(
        &mut self,
        node: &str,
        known: u64,
        (command, words): (FleetCommand, &Words),
        now: u64,
    ) -> i64 {
        let forced = self.record.clone().filter(|record| is_forced(record, now));
        let kept = |record: &FleetRecord| (record.left(now), record.open_for);
        let (state, (left, lasts)) = match (command, &forced) {
            (FleetCommand::Release, None) => return 0,
            (FleetCommand::Release, _) | (FleetCommand::Reset, None) => ("c", NO_TIME),
            (FleetCommand::Reset, Some(forced)) => (forced.standing.as_str(), kept(forced)),
            (FleetCommand::ForceOpen { lasting }, _) => ("fo", whole(lasting)),
            (FleetCommand::ForceClosed { lasting }, _) => ("fc", whole(lasting)),
        };
        let ends = if lasts.is_zero() { 0 } else { now.saturating_add(millis(left)) };
        self.votes.clear();
        let is_reset = command == FleetCommand::Reset;
        let cause = if is_reset { Cause::Reset } else { Cause::Operator };
        // A reset leaves what is forced, its serial, and what was said of it.
        let (step, words) = match (command, &forced) {
            (FleetCommand::Reset, Some(forced)) => {
                (forced.step_or_serial(), forced.words().clone())
            }
            (FleetCommand::ForceOpen { .. } | FleetCommand::ForceClosed { .. }, _) => {
                (0, words.clone())
            }
            _ => (0, Words::default()),
        };
        let written = Written { state, ends, lasts: millis(lasts), step, cause, words };
        self.write(node, known, &written, now);
        1
    }

    fn write(&mut self, node: &str, known: u64, written: &Written<'_>, now: u64) {
        self.writes += 1;
        let known = if is_ahead(known, now) { 0 } else { known };
        let epoch = (self.epoch().max(known).max(self.floor) + 1).max(now * 1000 + self.writes);
        self.put(node, epoch, written, now);
    }

    fn put(&mut self, node: &str, epoch: u64, written: &Written<'_>, now: u64) {
        let Written { state, ends, lasts, step, cause, words } = written;
        let begins = matches!(*state, "fo" | "fc") && *step == 0;
        let step = if begins { epoch } else { *step };
        let (version, said) = if words.is_empty() {
            (1, String::new())
        } else {
            let [actor, reason] = words.as_words();
            (2, format!(" {actor} {reason}"))
        };
        let cause = cause.as_str();
        let line = format!("{version} {epoch} {state} {ends} {lasts} {step} {cause} {node}{said}");
        self.record = Some(line.parse().expect("a record"));
        self.published.extend(self.word(now));
    }
}

fn millis(time: Duration) -> u64 {
    // Longer than anything is meant to last, and still a number in every store.
    const LONGEST: u64 = 1_000_000_000_000;
    u64::try_from(time.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}

/// What is known to a process that was told so by a record of nobody.
fn refuse_ahead(epoch: u64, now: u64) -> Result<(), BadRecord> {
    if is_ahead(epoch, now) { Err(BadRecord::AHEAD) } else { Ok(()) }
}

/// Whether an operator's override is in force.
fn is_forced(record: &FleetRecord, now: u64) -> bool {
    let is_over = record.has_override_end() && record.left(now).is_zero();
    record.overridden().is_some() && !is_over
}

/// What is left of an override that begins, and its whole time.
fn whole(lasting: Option<Duration>) -> (Duration, Duration) {
    let at_least = |lasting: Duration| lasting.max(Duration::from_millis(1));
    lasting.map(at_least).map_or(NO_TIME, |lasting| (lasting, lasting))
}

const NO_TIME: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);
