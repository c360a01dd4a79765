//! What a node knows of one of the fleet's circuits.

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::identity::Voter;
use crate::record::{Cause, FleetRecord, Standing};
use crate::request::{Ask, Request, Shown};
use crate::time::Timestamp;
use crate::word::Word;

/// What is known of one circuit, and what is to be said of it.
#[derive(Debug, Default)]
pub struct View {
    known: Option<Known>,
    /// The epoch of the last word that the fleet's circuit is open.
    last_open: u64,
    pub lease: Lease,
    /// How many calls were rejected here when the fleet opened: more since then want in.
    pub demand: u64,
    pub wish: Option<Ask>,
    pub must_lease: Option<Ask>,
    pub must_restore: bool,
    /// Redis has refused something: not before the next round of reading again.
    pub is_put_off: bool,
}

#[derive(Debug)]
struct Known {
    record: FleetRecord,
    /// The end of the open time, or of the override, by the clock of this process.
    ends: Timestamp,
    /// When it was written, if that is known: at the earliest when this process began.
    written: Option<Timestamp>,
}

/// An epoch in which the fleet's circuit is open.
#[derive(Debug, Clone, Copy)]
pub struct OpenEpoch {
    pub epoch: u64,
    pub ends: Timestamp,
    pub open_for: Duration,
    pub step: u32,
}

/// Whether this node may probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lease {
    #[default]
    None,
    Asked,
    Held {
        until: Timestamp,
    },
    Denied {
        until: Timestamp,
    },
    /// Redis could not say; the circuit goes by itself.
    Unanswered {
        until: Timestamp,
    },
}

/// What is said sooner is said in time.
const LATE: Duration = Duration::from_secs(1);

/// No open time is shorter.
const OVER: Duration = Duration::from_millis(1);

impl View {
    /// The epoch of the last word; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.known.as_ref().map_or(0, |known| known.record.epoch())
    }

    /// The present epoch, if the fleet's circuit is open and nobody has forced it.
    pub fn open_epoch(&self) -> Option<OpenEpoch> {
        let known = self.known.as_ref()?;
        let record = &known.record;
        (record.standing == Standing::Open).then(|| OpenEpoch {
            epoch: record.epoch(),
            ends: known.ends,
            open_for: record.open_for,
            step: record.step,
        })
    }

    /// The circuit has tripped after what is known: that is a vote.
    pub fn vote_again(&mut self, circuit: &Circuit) {
        let (known, open_for) = (self.epoch(), circuit.first_open_time());
        let (step, cause, voter) = (circuit.backoff_step(), Cause::Votes, Voter::Young);
        if circuit.state() == CircuitState::Open {
            self.wish.get_or_insert(Ask::Vote { known, open_for, step, cause, voter });
        }
    }

    /// Whether it is to be said that the circuit is open.
    pub const fn has_opening(&self) -> bool {
        let failing = matches!(self.wish, Some(Ask::Settle { shown: Shown::Failing { .. }, .. }));
        failing || matches!(self.wish, Some(Ask::Vote { .. }))
    }

    /// That it is open is said late, if the store was away: then it is of what is left of the open time,
    /// so that nobody waits for the whole of it again.
    pub fn age_opening(&mut self, circuit: &Circuit) {
        let (Some(_), left) = (circuit.own_outage(), circuit.own_left()) else {
            return;
        };
        if let Some(
            Ask::Vote { open_for, .. } | Ask::Settle { shown: Shown::Failing { open_for, .. }, .. },
        ) = &mut self.wish
        {
            if left.is_zero() || left + LATE < *open_for {
                *open_for = left.max(OVER);
            }
        }
    }

    /// Takes a word that is not older than what is known; gives whether it is new.
    pub fn learn(&mut self, word: &Word, now: Timestamp) -> bool {
        self.must_restore = false;
        if word.record.epoch() == self.epoch() {
            return false;
        }
        if word.record.standing == Standing::Open {
            self.last_open = word.record.epoch();
        }
        let written = word.age.map(|age| now.before(age));
        self.known =
            Some(Known { record: word.record.clone(), ends: now.after(word.left), written });
        self.lease = Lease::None;
        self.must_lease = None;
        // What probes have shown of an epoch that is over is of no use.
        self.wish.take_if(|wish| matches!(wish, Ask::Settle { .. }));
        true
    }

    /// What is known, and what is left of its time.
    pub fn word(&self, now: Timestamp) -> Option<Word> {
        let known = self.known.as_ref()?;
        let age = known.written.map(|written| now.since(written));
        Some(Word { record: known.record.clone(), left: known.ends.since(now), age })
    }

    /// Whether a process that starts now should learn of it.
    pub fn is_worth_keeping(&self, now: Timestamp) -> bool {
        self.open_epoch().is_some() || self.is_forced(now)
    }

    /// Whether the epoch of this number was open, and the word that is known now says that it is over.
    pub fn has_recovered(&self, epoch: u64) -> bool {
        self.is_closed() && epoch == self.last_open
    }

    fn is_closed(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.record.standing == Standing::Closed)
    }

    /// Whether a circuit of this name that is made again should find it here.
    pub fn outlives_its_circuit(&self, now: Timestamp) -> bool {
        self.is_forced(now) || self.open_epoch().is_some_and(|open_epoch| now < open_epoch.ends)
    }

    /// Whether the circuit is forced, so that its record is not to run out.
    fn is_forced(&self, now: Timestamp) -> bool {
        self.known.as_ref().is_some_and(|known| {
            let is_over = known.record.has_override_end() && known.ends <= now;
            matches!(known.record.standing, Standing::Forced(_)) && !is_over
        })
    }

    /// Everything there is to ask, in the order in which it is to be asked; a vote is that of `by`.
    pub fn requests(&mut self, circuit: &Arc<str>, by: Voter, now: Timestamp) -> Vec<Request> {
        let [restore, wish] =
            if self.is_put_off { [None, None] } else { [self.restore(now), self.wish.take()] };
        restore
            .into_iter()
            .chain(wish)
            .chain(self.must_lease.take())
            .map(|ask| Request { circuit: Arc::clone(circuit), ask: ask.voted_by(by) })
            .collect()
    }

    fn restore(&mut self, now: Timestamp) -> Option<Ask> {
        let known = std::mem::take(&mut self.must_restore).then_some(self.known.as_ref())??;
        Some(Ask::Restore { record: known.record.clone(), left: known.ends.since(now) })
    }

    /// Has what is forced put into Redis again, so that it does not run out.
    pub fn keep_forced(&mut self, now: Timestamp) {
        self.must_restore = self.must_restore || self.is_forced(now);
    }
}
