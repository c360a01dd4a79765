//! What a group does to the circuits that are its members.

use crate::circuit::Circuit;
use crate::engine::machine::isolator::Isolator;
use crate::engine::machine::open_cap::OpenCounter;
use crate::sync::Arc;

impl Circuit {
    /// Adds an isolation: the circuit is forced open until it ends.
    pub(crate) fn begin_isolation(&self, by: &Arc<Isolator>) {
        self.tell_if(self.core.machine.isolate(by, self.end_override()));
    }

    /// Takes one [`begin_isolation`](Self::begin_isolation) back.
    pub(crate) fn end_isolation(&self, by: &Arc<Isolator>) {
        self.tell_effect(self.core.machine.end_isolation(by, self.end_override()));
    }

    /// Makes the circuit a member: it takes a place there whenever it is open. Runs no user code.
    pub(crate) fn join(&self, places: &Arc<OpenCounter>) {
        self.core.machine.join(places);
    }

    /// Takes [`join`](Self::join) back. Runs no user code.
    pub(crate) fn leave(&self, places: &Arc<OpenCounter>) {
        self.core.machine.leave(places);
    }
}
