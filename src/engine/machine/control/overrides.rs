//! The operators' override of a circuit, and the isolations that lie over it.

use crate::engine::machine::own_override::OwnOverride;
use crate::engine::state::Override;
use crate::engine::time::Timestamp;

/// The operators' override, and how many handles isolate the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrides {
    own: Option<OwnOverride>,
    isolations: u32,
    /// When the override that holds ends, as it was published for callers that take no lock.
    published_end: Timestamp,
}

impl Overrides {
    /// Under `initial`, which the circuit is made with at `now`.
    pub(super) fn new(initial: Option<Override>, now: Timestamp) -> Self {
        let own = initial.map(|initial| OwnOverride::initial(initial, now));
        Self { own, isolations: 0, published_end: Timestamp::NEVER }
    }

    /// Sets the operators' override, under whatever isolates the circuit.
    pub(super) fn set(&mut self, own: Option<OwnOverride>) {
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
    pub(super) const fn own(&self) -> Option<OwnOverride> {
        self.own
    }

    pub(super) const fn isolations(&self) -> u32 {
        self.isolations
    }

    /// The override that holds: an isolated circuit is forced open, whatever its own override.
    pub(super) fn effective(&self) -> Option<Override> {
        if self.isolations > 0 {
            return Some(Override::ForcedOpen);
        }
        self.own.map(|own| own.overridden)
    }

    /// When the override that holds ends: an isolation has no end.
    pub(super) fn effective_end(&self) -> Timestamp {
        match self.own {
            Some(own) if self.isolations == 0 => own.ends,
            _ => Timestamp::NEVER,
        }
    }

    /// The end of the override that holds, if it is not the published one; it is now.
    pub(super) fn end_to_publish(&mut self) -> Option<Timestamp> {
        let end = self.effective_end();
        let published = std::mem::replace(&mut self.published_end, end);
        (end != published).then_some(end)
    }
}
