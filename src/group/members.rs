//! The members of a group, and which of them it isolates.

use crate::circuit::Circuit;
use crate::circuit::weak::WeakCircuit;
use crate::engine::machine::isolator::Isolator;
use crate::sync::Arc;

/// What a group's lock guards. Values taken out of it are dropped after the lock.
#[derive(Default)]
pub(super) struct Members {
    members: Vec<GroupMember>,
    /// Handles that isolate the group.
    handles: usize,
    /// What the first of these handles said.
    isolator: Arc<Isolator>,
}

pub(super) struct GroupMember {
    circuit: WeakCircuit,
    isolated: Option<Isolated>,
}

/// One isolation of one circuit, until this is dropped.
pub(super) struct Isolated {
    circuit: WeakCircuit,
    by: Arc<Isolator>,
}

impl Members {
    /// Adds a circuit, unless it is here.
    pub(super) fn add(&mut self, circuit: &Circuit) -> bool {
        self.members.retain(|member| !member.circuit.is_gone());
        let is_new = !self.members.iter().any(|member| member.circuit.is(circuit));
        if is_new {
            self.members.push(GroupMember { circuit: circuit.downgrade(), isolated: None });
        }
        is_new
    }

    pub(super) fn remove(&mut self, circuit: &Circuit) -> Option<GroupMember> {
        let index = self.members.iter().position(|member| member.circuit.is(circuit))?;
        Some(self.members.remove(index))
    }

    pub(super) fn circuits(&self) -> Vec<Circuit> {
        self.members.iter().filter_map(|member| member.circuit.upgrade()).collect()
    }

    pub(super) const fn is_isolated(&self) -> bool {
        self.handles > 0
    }

    /// Counts one more handle, and returns the members that are not isolated yet.
    pub(super) fn begin_isolation(&mut self, by: Isolator) -> Vec<Circuit> {
        if self.handles == 0 {
            self.isolator = Arc::new(by);
        }
        self.handles += 1;
        self.not_isolated()
    }

    /// What isolates the members.
    pub(super) fn isolator(&self) -> Arc<Isolator> {
        Arc::clone(&self.isolator)
    }

    pub(super) fn not_isolated(&self) -> Vec<Circuit> {
        let lacking = self.members.iter().filter(|member| member.isolated.is_none());
        lacking.filter_map(|member| member.circuit.upgrade()).collect()
    }

    /// Counts one handle less; after the last one, returns all isolations.
    pub(super) fn end_isolation(&mut self) -> Vec<Isolated> {
        self.handles -= 1;
        if self.handles > 0 {
            return Vec::new();
        }
        self.members.iter_mut().filter_map(|member| member.isolated.take()).collect()
    }

    /// Keeps the isolation of a circuit; returns it if it is not needed, or no longer.
    pub(super) fn keep(&mut self, circuit: &Circuit, isolated: Isolated) -> Option<Isolated> {
        if !self.is_isolated() {
            return Some(isolated);
        }
        match self.members.iter_mut().find(|member| member.circuit.is(circuit)) {
            Some(member) if member.isolated.is_none() => {
                member.isolated = Some(isolated);
                None
            }
            _ => Some(isolated),
        }
    }
}

impl Isolated {
    pub(super) fn new(circuit: &Circuit, by: Arc<Isolator>) -> Self {
        circuit.begin_isolation(&by);
        Self { circuit: circuit.downgrade(), by }
    }

    pub(super) fn circuit(&self) -> Option<Circuit> {
        self.circuit.upgrade()
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        if let Some(circuit) = self.circuit() {
            circuit.end_isolation(&self.by);
        }
    }
}
