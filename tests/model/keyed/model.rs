//! The model: which circuits there are, each by the model of a circuit.

use std::time::Duration;

use tower_circuit_breaker::{CircuitState, Outcome};
use tower_circuit_breaker_test::model::{Call, Model, Settings};

/// What keys have, in the order in which it was made.
pub(crate) struct Keyed {
    cap: usize,
    settings: Settings,
    pub(crate) now: Duration,
    pub(crate) entries: Vec<Entry>,
    pub(crate) overflow: Model,
    pub(crate) evicted: u64,
    pub(crate) overflowed: u64,
    made: usize,
}

pub(crate) struct Entry {
    pub(crate) key: usize,
    /// Names the circuit: a key may have another later.
    pub(crate) number: usize,
    pub(crate) circuit: Model,
    used: Duration,
    /// Calls in flight, and others who have the circuit.
    pub(crate) holders: usize,
}

/// Whose a call is: the number of a circuit, or the overflow's.
pub(crate) type Owner = Option<usize>;

impl Keyed {
    pub(crate) fn new(cap: usize, settings: Settings) -> Self {
        let overflow = Model::new(settings.clone());
        let (now, entries) = (Duration::ZERO, Vec::new());
        Self { cap, settings, now, entries, overflow, evicted: 0, overflowed: 0, made: 0 }
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.now += time;
        self.overflow.now = self.now;
        for entry in &mut self.entries {
            entry.circuit.now = self.now;
        }
    }

    /// A call of `key`; the longest are nobody's. Gives whose it is, and what it is if admitted.
    pub(crate) fn begin(&mut self, key: Option<usize>) -> (Owner, Option<Call>) {
        let owner = key.and_then(|key| self.owner(key));
        if owner.is_none() {
            self.overflowed += 1;
        }
        let call = self.of(owner).expect("it is there").admit();
        self.hold(owner, call.is_some());
        (owner, call)
    }

    pub(crate) fn finish(&mut self, owner: Owner, call: Call, outcome: Option<Outcome>) {
        self.of(owner).expect("it has a call in flight").finish(call, outcome);
        self.let_go(owner);
    }

    pub(crate) fn hold(&mut self, owner: Owner, is_held: bool) {
        let entry = self.entries.iter_mut().find(|entry| Some(entry.number) == owner);
        entry.into_iter().for_each(|entry| entry.holders += usize::from(is_held));
    }

    pub(crate) fn let_go(&mut self, owner: Owner) {
        let entry = self.entries.iter_mut().find(|entry| Some(entry.number) == owner);
        entry.into_iter().for_each(|entry| entry.holders -= 1);
    }

    /// The circuit; none if it has gone.
    pub(crate) fn of(&mut self, owner: Owner) -> Option<&mut Model> {
        let Some(number) = owner else { return Some(&mut self.overflow) };
        let entry = self.entries.iter_mut().find(|entry| entry.number == number);
        entry.map(|entry| &mut entry.circuit)
    }

    /// The number of the circuit of `key`, which is made if there is room.
    fn owner(&mut self, key: usize) -> Owner {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.used = self.now;
            return Some(entry.number);
        }
        if self.entries.len() == self.cap {
            let can_go = self.entries.iter().filter(|entry| entry.parting(self.now).is_some());
            let goes =
                can_go.min_by_key(|entry| (entry.parting(self.now), entry.used, entry.number));
            let number = goes?.number;
            self.entries.retain(|entry| entry.number != number);
            self.evicted += 1;
        }
        let (number, now) = (self.made, self.now);
        self.made += 1;
        let circuit = Model::starting_at(now, self.settings.clone());
        self.entries.push(Entry { key, number, circuit, used: now, holders: 0 });
        Some(number)
    }
}

impl Entry {
    /// How easily it goes, if it may: closed ones first, then those whose open time is over.
    fn parting(&self, now: Duration) -> Option<u8> {
        let circuit = &self.circuit;
        match circuit.state {
            _ if self.holders > 0 || circuit.overridden.is_some() => None,
            CircuitState::Closed => Some(0),
            CircuitState::Open => (now >= circuit.until).then_some(1),
            CircuitState::HalfOpen => Some(1),
        }
    }
}
