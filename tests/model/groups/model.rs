//! The model: everything is looked up anew, and nothing is counted.

use tower_circuit_breaker::{CircuitState, Override};

use crate::groups::step::{CIRCUITS, Cap, Command, GROUPS};
use CircuitState::{Closed, HalfOpen, Open};
use Override::{ForcedClosed, ForcedOpen, Observing};

/// Failures in a row that trip.
pub(crate) const FAILURES: u32 = 2;
/// Seconds.
pub(crate) const OPEN_FOR: u64 = 10;
pub(crate) const ASKED_FOR: u64 = 4;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) circuits: [Circuit; CIRCUITS],
    pub(crate) groups: [Group; GROUPS],
    /// What each live handle isolates.
    pub(crate) handles: Vec<Scope>,
    made: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Circuit {
    /// No two circuits have the same.
    pub(crate) id: usize,
    pub(crate) said: Option<Override>,
    pub(crate) state: CircuitState,
    until: u64,
    run: u32,
    pub(crate) trips_prevented: u64,
    pub(crate) is_isolated: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) members: Vec<usize>,
    cap: Option<Cap>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scope {
    Group(usize),
    /// By its id.
    Circuit(usize),
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            circuits: std::array::from_fn(Circuit::new),
            groups: Default::default(),
            handles: Vec::new(),
            made: CIRCUITS,
        }
    }

    pub(crate) fn replace(&mut self, circuit: usize) {
        let id = self.circuits[circuit].id;
        self.groups.iter_mut().for_each(|group| group.members.retain(|member| *member != id));
        self.circuits[circuit] = Circuit::new(self.made);
        self.made += 1;
    }

    pub(crate) fn add(&mut self, circuit: usize, group: usize) {
        let (id, members) = (self.circuits[circuit].id, &mut self.groups[group].members);
        if !members.contains(&id) {
            members.push(id);
        }
        self.settle();
    }

    pub(crate) fn remove(&mut self, circuit: usize, group: usize) {
        let id = self.circuits[circuit].id;
        self.groups[group].members.retain(|member| *member != id);
        self.settle();
    }

    pub(crate) fn cap_at(&mut self, group: usize, cap: Cap) {
        self.groups[group].cap = Some(cap);
    }

    pub(crate) fn isolate(&mut self, scope: Scope) {
        self.handles.push(scope);
        self.settle();
    }

    pub(crate) fn drop_handle(&mut self, index: usize) {
        self.handles.remove(index);
        self.settle();
    }

    /// Has every circuit isolated that is to be, and no other.
    fn settle(&mut self) {
        for circuit in 0..CIRCUITS {
            let id = self.circuits[circuit].id;
            let is_isolated = self.handles.iter().any(|scope| match scope {
                Scope::Group(group) => self.groups[*group].members.contains(&id),
                Scope::Circuit(isolated) => *isolated == id,
            });
            let circuit = &mut self.circuits[circuit];
            if circuit.is_isolated != is_isolated {
                circuit.is_isolated = is_isolated;
                if circuit.said != Some(ForcedOpen) {
                    circuit.start_afresh();
                }
            }
        }
    }

    /// Whether a call of `circuit` is admitted; then `failed` says how it ended, and `asked` for how
    /// long its upstream is to be left alone.
    pub(crate) fn call(&mut self, circuit: usize, failed: bool, asked: Option<u64>) -> bool {
        let can_open = self.can_open(circuit);
        let now = self.now;
        let circuit = &mut self.circuits[circuit];
        let is_forced = circuit.overridden() == Some(ForcedOpen);
        if circuit.state == Open && (is_forced || now < circuit.until) {
            return circuit.overridden() == Some(Observing);
        }
        if circuit.state == Open {
            circuit.enter(HalfOpen);
        }
        if circuit.state == HalfOpen {
            if failed {
                circuit.open(now, asked)
            } else {
                circuit.enter(Closed)
            }
            return true;
        }
        circuit.run = if failed { circuit.run + 1 } else { 0 };
        let trips = asked.is_some() || circuit.run >= FAILURES;
        if !trips || circuit.said == Some(ForcedClosed) {
            return true;
        }
        if can_open {
            circuit.open(now, asked)
        } else {
            circuit.trips_prevented += 1
        }
        true
    }

    fn can_open(&self, circuit: usize) -> bool {
        let circuit = &self.circuits[circuit];
        let mine = self.groups.iter().filter(|group| group.members.contains(&circuit.id));
        circuit.overridden() == Some(Observing)
            || mine.into_iter().all(|group| self.open_members(group) < group.limit())
    }

    pub(crate) fn open_members(&self, group: &Group) -> usize {
        let members = self.circuits.iter().filter(|circuit| group.members.contains(&circuit.id));
        let is_open =
            |circuit: &&Circuit| circuit.state != Closed && circuit.overridden() != Some(Observing);
        members.filter(is_open).count()
    }

    pub(crate) fn command(&mut self, circuit: usize, command: Command) {
        let now = self.now;
        let circuit = &mut self.circuits[circuit];
        let is_forced = matches!(circuit.overridden(), Some(ForcedOpen | ForcedClosed));
        match command {
            Command::Trip if is_forced => circuit.start_afresh(),
            Command::Trip => circuit.open(now, None),
            Command::Reset => circuit.start_afresh(),
            Command::ForceOpen => circuit.say(Some(ForcedOpen)),
            Command::ForceClosed => circuit.say(Some(ForcedClosed)),
            Command::Observe if is_forced => circuit.say(Some(Observing)),
            Command::Observe => circuit.said = Some(Observing),
            Command::Release if circuit.said.is_some() => circuit.say(None),
            Command::Release => {}
        }
    }
}

impl Group {
    fn limit(&self) -> usize {
        let others = self.members.len().saturating_sub(1);
        match self.cap {
            None => usize::MAX,
            Some(Cap::Half) => self.members.len() / 2,
            Some(Cap::AllButOne) => others,
            Some(Cap::Number(most)) => others.min(most as usize),
        }
    }
}

impl Circuit {
    fn new(id: usize) -> Self {
        let (state, until, run) = (Closed, 0, 0);
        Self { id, said: None, state, until, run, trips_prevented: 0, is_isolated: false }
    }

    pub(crate) fn overridden(&self) -> Option<Override> {
        if self.is_isolated { Some(ForcedOpen) } else { self.said }
    }

    fn say(&mut self, overridden: Option<Override>) {
        self.said = overridden;
        self.start_afresh();
    }

    fn start_afresh(&mut self) {
        self.enter(if self.overridden() == Some(ForcedOpen) { Open } else { Closed });
    }

    fn open(&mut self, now: u64, asked: Option<u64>) {
        self.enter(Open);
        self.until = now + asked.unwrap_or(OPEN_FOR);
    }

    fn enter(&mut self, state: CircuitState) {
        (self.state, self.run) = (state, 0);
    }
}
