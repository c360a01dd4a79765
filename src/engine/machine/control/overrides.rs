//! The operators' override of a circuit, and the isolations that lie over it.

use crate::engine::state::Override;

/// The operators' override, and how many handles isolate the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrides {
    own: Option<Override>,
    isolations: u32,
}

impl Overrides {
    pub(super) const fn new(own: Option<Override>) -> Self {
        Self { own, isolations: 0 }
    }

    /// Sets the operators' override, under whatever isolates the circuit.
    pub(super) fn set(&mut self, own: Option<Override>) {
        self.own = own;
    }

    /// Adds an isolation.
    pub(super) fn isolate(&mut self) {
        self.isolations = self.isolations.saturating_add(1);
    }

    /// Takes one isolation back.
    pub(super) fn end_isolation(&mut self) {
        self.isolations = self.isolations.saturating_sub(1);
    }

    /// The operators' override.
    pub(super) const fn own(&self) -> Option<Override> {
        self.own
    }

    pub(super) const fn isolations(&self) -> u32 {
        self.isolations
    }

    /// The override that holds: an isolated circuit is forced open, whatever its own override.
    pub(super) fn effective(&self) -> Option<Override> {
        if self.isolations > 0 { Some(Override::ForcedOpen) } else { self.own }
    }
}
