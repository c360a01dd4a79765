//! What the fleet looks like to operators: read while somebody looks, and shown as it was read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::fleet::{
    FleetCircuit, FleetLease, FleetLook, FleetProcess, FleetRecordLook,
};
use tower_circuit_breaker::{CircuitState, Override};
use tower_circuit_breaker_fleet::identity::Identity;
use tower_circuit_breaker_fleet::lock::lock;
use tower_circuit_breaker_fleet::presence::process;
use tower_circuit_breaker_fleet::record::Standing;
use tower_circuit_breaker_fleet::request::Looked;
use tower_circuit_breaker_fleet::word::Word;

/// The last reading, written by the task and shown to all.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLook(Arc<Mutex<Option<(Instant, FleetLook)>>>);

/// A reading, as its answers come in.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    processes: Vec<FleetProcess>,
    circuits: Vec<FleetCircuit>,
    /// How many answers have yet to come.
    missing: usize,
    has_failed: bool,
}

/// When the fleet is to be read for operators.
#[derive(Debug)]
pub(crate) struct Looks {
    is_wanted: bool,
    next: Instant,
    reading: Option<Collected>,
}

/// No sooner after the last.
const PAUSE: Duration = Duration::from_secs(2);

impl Looks {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { is_wanted: false, next: now, reading: None }
    }

    /// Somebody looks.
    pub(crate) const fn want(&mut self) {
        self.is_wanted = true;
    }

    /// When the next reading is due, if somebody looks.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.is_wanted && self.reading.is_none()).then_some(self.next)
    }

    /// What was not answered is read anew, when somebody looks.
    pub(crate) fn break_off(&mut self) {
        self.reading = None;
    }

    /// So many questions are asked now.
    pub(crate) fn begin(&mut self, questions: usize, now: Instant) {
        self.is_wanted = false;
        self.next = now + PAUSE;
        self.reading = Some(Collected::of(questions));
    }

    /// What was answered so far, while there is a reading.
    pub(crate) const fn collected(&mut self) -> Option<&mut Collected> {
        self.reading.as_mut()
    }
}

impl LastLook {
    /// The last reading, with its age.
    pub(crate) fn look(&self, now: Instant) -> Option<FleetLook> {
        let (read, mut look) = lock(&self.0).clone()?;
        look.read_ago = now.saturating_duration_since(read);
        Some(look)
    }

    fn show(&self, look: FleetLook, now: Instant) {
        *lock(&self.0) = Some((now, look));
    }
}

impl Collected {
    /// So many answers are to come.
    pub(crate) fn of(missing: usize) -> Self {
        Self { missing, ..Self::default() }
    }

    /// An answer that says nothing.
    pub(crate) fn failed(&mut self) {
        self.has_failed = true;
        self.missing = self.missing.saturating_sub(1);
    }

    /// The processes that are there.
    pub(crate) fn counted(&mut self, found: &[(String, String)], identity: &Identity) {
        let found = found.iter().filter_map(|(name, said)| process(name, said));
        self.processes = found
            .map(|mut process| {
                process.is_this =
                    process.name == identity.name && process.number == identity.number;
                process
            })
            .collect();
        self.missing = self.missing.saturating_sub(1);
    }

    /// What stands there about a circuit, of which `word` is known.
    pub(crate) fn looked(&mut self, name: &Arc<str>, looked: &Looked, word: Option<&Word>) {
        self.missing = self.missing.saturating_sub(1);
        if word.is_none() && *looked == Looked::default() {
            return;
        }
        let mut circuit = FleetCircuit::new(Arc::clone(name));
        circuit.record = word.map(record);
        circuit.votes.clone_from(&looked.votes);
        let lease = |(process, left): &(String, Duration)| FleetLease::new(process, *left);
        circuit.leases = looked.leases.iter().map(lease).collect();
        self.circuits.push(circuit);
    }

    /// Shows it, if nothing is missing; gives whether it is over.
    pub(crate) fn end(&mut self, shown: &LastLook, now: Instant) -> bool {
        if self.missing > 0 {
            return false;
        }
        if !self.has_failed {
            let (processes, circuits) =
                (std::mem::take(&mut self.processes), std::mem::take(&mut self.circuits));
            shown.show(FleetLook::new(Duration::ZERO, processes, circuits), now);
        }
        true
    }
}

fn record(word: &Word) -> FleetRecordLook {
    let record = &word.record;
    let is_over = word.is_over();
    let (state, overridden) = match record.standing {
        Standing::Closed => (CircuitState::Closed, None),
        Standing::Open => (CircuitState::Open, None),
        Standing::Forced(_) if is_over => (CircuitState::Closed, None),
        Standing::Forced(Override::ForcedOpen) => (CircuitState::Open, Some(Override::ForcedOpen)),
        Standing::Forced(forced) => (CircuitState::Closed, Some(forced)),
    };
    let mut look = FleetRecordLook::new(record.epoch(), state, record.cause.as_str());
    look.overridden = overridden;
    let has_end = record.standing == Standing::Open || record.has_override_end();
    look.left = (has_end && !is_over).then_some(word.left);
    look.process = record.node().to_owned();
    if overridden.is_some() {
        look.serial = record.serial();
        look.actor = record.words().actor().map(str::to_owned);
        look.reason = record.words().reason().map(str::to_owned);
    }
    look
}
