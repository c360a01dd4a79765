//! The protocol of one process, without Redis: what happens here and what is heard become requests
//! and what circuits are to do.
//!
//! A node never waits. Until Redis has answered, circuits go by what they know; every request is
//! made again until it is answered or overtaken.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{ChangeReason, Circuit, CircuitState};

use crate::identity::Voter;
use crate::node::leases::{Asked, attend, leased};
use crate::options::Options;
use crate::outbox::LocalChange;
use crate::reach::Reach;
use crate::record::{Cause, Standing};
use crate::request::{Ask, Reply, Request, Shown};
use crate::time::Timestamp;
use crate::view::{Lease, View};
use crate::word::Word;

/// An answer that takes no longer says how things are now; who is stopped reads one of long ago.
const IN_TIME: Duration = Duration::from_secs(1);

mod leases;
#[cfg(test)]
mod tests;

/// One process of the fleet.
#[derive(Debug)]
pub struct Node {
    options: Options,
    /// When the store first let this process in.
    joined: Option<Timestamp>,
    views: HashMap<Arc<str>, View>,
}

impl Node {
    pub fn new(options: Options) -> Self {
        Self { options, joined: None, views: HashMap::new() }
    }

    /// The store has let this process in; only the first time counts.
    pub fn join(&mut self, now: Timestamp) {
        self.joined.get_or_insert(now);
    }

    /// How long this process shares its vote with all others that have joined lately; zero once it has
    /// one of its own.
    pub fn young_for(&self, now: Timestamp) -> Duration {
        let since = self.joined.map_or(Duration::ZERO, |joined| now.since(joined));
        self.options.vote_window.saturating_sub(since)
    }

    /// The circuit has changed by itself, or by an operator of this process.
    pub fn changed(&mut self, circuit: &Circuit, change: &LocalChange) {
        let view = self.views.entry(Arc::clone(circuit.shared_name())).or_default();
        let is_ours = !matches!(change.reason, ChangeReason::Operator | ChangeReason::OverrideOver);
        // Before the first word there is nothing to be older than.
        let is_stale = change.fleet_epoch > 0
            && change.fleet_epoch < view.epoch()
            && !(change.from == CircuitState::Closed && view.has_recovered(change.fleet_epoch));
        let open_epoch =
            view.open_epoch().filter(|open_epoch| open_epoch.epoch == change.fleet_epoch);
        let wish = match (change.to, open_epoch) {
            (CircuitState::HalfOpen, _) => return,
            (CircuitState::Closed, Some(open_epoch)) if is_ours => {
                Ask::Settle { epoch: open_epoch.epoch, shown: Shown::Well }
            }
            (CircuitState::Closed, _) => Ask::Withdraw,
            // An operator of one process speaks for that process; under observation nothing is cut.
            (CircuitState::Open, _) if !is_ours || circuit.is_overridden() => return,
            // The fleet has been open or well since: its word is the newer one.
            (CircuitState::Open, _) if is_stale => return,
            (CircuitState::Open, Some(open_epoch)) if change.from == CircuitState::HalfOpen => {
                // Without Redis it may have failed more often than the fleet knows.
                let step = open_epoch.step.saturating_add(1).max(circuit.backoff_step());
                let shown = Shown::Failing { open_for: change.open_for, step };
                Ask::Settle { epoch: open_epoch.epoch, shown }
            }
            (CircuitState::Open, _) => Ask::Vote {
                known: view.epoch(),
                open_for: change.open_for,
                step: circuit.backoff_step(),
                cause: Cause::Votes,
                voter: Voter::Young,
            },
        };
        view.wish = Some(wish);
    }

    /// Redis says what stands there about the circuit.
    pub fn heard(&mut self, circuit: &Circuit, word: Option<&Word>, now: Timestamp) {
        let view = self.views.entry(Arc::clone(circuit.shared_name())).or_default();
        let word = word.map(|word| fitting(word, circuit));
        if word.as_ref().is_some_and(|word| word.is_of_an_earlier_clock(view.epoch())) {
            // What was known is nobody's word by the clock that the store has now.
            *view = View::default();
            circuit.forget_epoch();
        }
        match &word {
            Some(word) if word.record.epoch() >= view.epoch() => {
                let is_new = view.learn(word, now);
                if is_new {
                    view.demand = circuit.rejections();
                }
                // Also when it is not new here: the circuit may be.
                if tell(circuit, word, &self.options) == Told::TooLate && is_new {
                    view.vote_again(circuit);
                }
            }
            // Redis has forgotten, or remembers what is over.
            Some(_) => view.must_restore = true,
            None => view.must_restore = view.must_restore || view.is_worth_keeping(now),
        }
    }

    /// Tells the circuit what is known of its name, if it has heard less: it may have been made again.
    pub fn remind(&self, circuit: &Circuit, now: Timestamp) {
        let known = self.views.get(circuit.shared_name()).and_then(|view| view.word(now));
        if let Some(word) = known.filter(|word| word.record.epoch() > circuit.fleet_epoch()) {
            tell(circuit, &fitting(&word, circuit), &self.options);
        }
    }

    /// The whole fleet's sums have reached the limit.
    pub fn exceeded(&mut self, circuit: &Circuit) {
        let view = self.views.entry(Arc::clone(circuit.shared_name())).or_default();
        if circuit.state() == CircuitState::Closed && !circuit.is_overridden() {
            view.wish = Some(Ask::Vote {
                known: view.epoch(),
                open_for: circuit.first_open_time(),
                step: 0,
                cause: Cause::Rate,
                voter: Voter::Young,
            });
        }
    }

    /// Sees to open circuits whose time is nearly over, and to what is told late of them; gives when to
    /// come back. To be called before [`requests`](Self::requests).
    pub fn attend(
        &mut self,
        lookup: impl Fn(&str) -> Option<Circuit>,
        link: Reach,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let options = &self.options;
        for (name, view) in self.views.iter_mut().filter(|(_, view)| view.has_opening()) {
            if let Some(circuit) = lookup(name) {
                view.age_opening(&circuit);
            }
        }
        self.views
            .iter_mut()
            .filter(|(_, view)| view.open_epoch().is_some())
            .filter_map(|(name, view)| attend(view, &lookup(name)?, options, link, now))
            .min()
    }

    /// Has nobody waited for any longer: the process leaves the fleet.
    pub fn leave(&mut self, lookup: impl Fn(&str) -> Option<Circuit>, now: Timestamp) {
        for (name, view) in &mut self.views {
            if let (Some(open_epoch), Some(circuit)) = (view.open_epoch(), lookup(name)) {
                circuit.hold(open_epoch.epoch, open_epoch.ends.since(now));
            }
        }
    }

    /// What to ask now, some `most`; each is to be answered by [`answered`](Self::answered).
    pub fn requests(&mut self, most: usize, now: Timestamp) -> Vec<Request> {
        let voter = if self.young_for(now).is_zero() { Voter::Own } else { Voter::Young };
        let mut requests = Vec::new();
        for (name, view) in &mut self.views {
            if requests.len() >= most {
                break;
            }
            requests.extend(view.requests(name, voter, now));
        }
        requests
    }

    /// What Redis has answered to a request that was sent at `sent`; `None` for an error.
    pub fn answered(
        &mut self,
        circuit: &Circuit,
        request: &Request,
        reply: Option<&Reply>,
        sent: Timestamp,
        now: Timestamp,
    ) {
        if let Some(reply) = reply.filter(|_| request.ask.has_view()) {
            let late = now.since(sent).saturating_sub(IN_TIME);
            self.heard(circuit, reply.word.as_ref().map(|word| word.heard(late)).as_ref(), now);
        }
        let Some(view) = self.views.get_mut(&request.circuit) else {
            return;
        };
        match (&request.ask, reply) {
            (Ask::Lease { epoch, lasts }, reply) => {
                let asked = Asked { epoch: *epoch, lasts: *lasts, sent };
                leased(view, circuit, asked, reply, &self.options, now);
            }
            // It had recovered here before the fleet said so, and has tripped again.
            (Ask::Vote { known, open_for, step, cause, voter }, Some(reply))
                if reply.code == 0 && view.has_recovered(*known) && is_cut(circuit) =>
            {
                let (open_for, step, cause, voter) = (*open_for, *step, *cause, *voter);
                let known = view.epoch();
                view.wish.get_or_insert(Ask::Vote { known, open_for, step, cause, voter });
            }
            (Ask::Vote { .. } | Ask::Withdraw | Ask::Settle { .. }, None) => {
                // Unless something newer is to be said.
                view.wish.get_or_insert_with(|| request.ask.clone());
                view.is_put_off = true;
            }
            (Ask::Restore { .. }, None) => {
                view.must_restore = true;
                view.is_put_off = true;
            }
            _ => {}
        }
    }

    /// The fleet has said something of a circuit that is not here. What this process has known of it is
    /// not the last word any longer; and what is forced is kept for whoever makes it.
    pub fn overheard(&mut self, circuit: &str, word: &Word, now: Timestamp) {
        let is_forced = word.record.overridden().is_some() && !word.is_over();
        if is_forced && !self.views.contains_key(circuit) {
            self.views.insert(circuit.into(), View::default());
        }
        if let Some(view) = self.views.get_mut(circuit) {
            if word.record.epoch() >= view.epoch() {
                view.learn(word, now);
            }
        }
    }

    /// Redis has answered to a request about a circuit that is here no longer.
    pub fn answered_in_vain(&mut self, request: &Request) {
        if let Some(view) = self.views.get_mut(&request.circuit) {
            // One of the same name may be made again, and ask anew.
            view.lease = Lease::None;
        }
    }

    /// Sees to it that what is forced does not run out in Redis.
    pub fn keep_forced(&mut self, now: Timestamp) {
        for view in self.views.values_mut() {
            view.keep_forced(now);
        }
    }

    /// What Redis has refused may be asked again: once in each round, so that a refusal is not asked
    /// for as fast as Redis can refuse.
    pub fn ask_again(&mut self) {
        for view in self.views.values_mut() {
            view.is_put_off = false;
        }
    }

    /// What is known of a circuit, and what is left of its time.
    pub fn word(&self, circuit: &str, now: Timestamp) -> Option<Word> {
        self.views.get(circuit)?.word(now)
    }

    /// The number of a circuit's epoch, if it is open.
    pub fn open_epoch(&self, circuit: &str) -> Option<u64> {
        Some(self.views.get(circuit)?.open_epoch()?.epoch)
    }

    /// The epoch that is known of a circuit; 0 for none.
    pub fn epoch(&self, circuit: &str) -> u64 {
        self.views.get(circuit).map_or(0, View::epoch)
    }

    /// Forgets circuits that there are no more and of which nothing is worth keeping.
    pub fn forget(&mut self, is_here: impl Fn(&str) -> bool, now: Timestamp) {
        self.views.retain(|name, view| view.outlives_its_circuit(now) || is_here(name));
    }
}

/// What a circuit has made of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It goes by it.
    Heard,
    /// It has tripped since, and what was before that is over there.
    TooLate,
}

/// The same for this circuit: it opens that for no longer than it may be open, and leaves its probes as
/// long as they have after a trip, though what was told late has little of its open time left.
fn fitting(word: &Word, circuit: &Circuit) -> Word {
    let mut word = word.bounded(circuit.longest_open_time());
    if word.record.standing == Standing::Open {
        word.record.open_for = word.record.open_for.max(circuit.first_open_time());
    }
    word
}

fn tell(circuit: &Circuit, word: &Word, options: &Options) -> Told {
    if is_older(word, circuit) {
        circuit.pass_over(word.record.epoch());
        return Told::TooLate;
    }
    word.adopt_by(circuit, options.longer(word));
    Told::Heard
}

/// Whether a word that closes the circuit is older than the outage that it is in by itself.
fn is_older(word: &Word, circuit: &Circuit) -> bool {
    let closes = word.record.standing == Standing::Closed;
    let both = word.age.zip(circuit.own_outage());
    closes && both.is_some_and(|(age, outage)| age > outage)
}

fn is_cut(circuit: &Circuit) -> bool {
    circuit.state() == CircuitState::Open && !circuit.is_overridden()
}
