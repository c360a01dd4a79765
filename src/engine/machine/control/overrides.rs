//! The operators' override of a circuit, and the isolations that lie over it.

use crate::engine::machine::isolator::{IsolationRecord, Isolator};
use crate::engine::machine::own_override::{OverrideWords, OwnOverride};
use crate::engine::state::Override;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// The operators' override with what was said of it, and what isolates the circuit.
#[derive(Debug)]
pub(super) struct Overrides {
    own: Option<OwnOverride>,
    /// Who imposed the override of this serial, and why.
    said: Option<(u64, Arc<OverrideWords>)>,
    isolations: Vec<IsolationRecord>,
    /// When the override that holds ends, as it was published for callers that take no lock.
    published_end: Timestamp,
    /// How many calls were rejected in isolations that are over, and how many had been rejected as
    /// forced open when the present one began.
    rejected_before: u64,
    forced_before: u64,
}

impl Overrides {
    /// Under `initial`, which the circuit is made with at `now`.
    pub(super) fn new(initial: Option<Override>, now: Timestamp) -> Self {
        let own = initial.map(|initial| OwnOverride::initial(initial, now));
        let published_end = Timestamp::NEVER;
        Self {
            own,
            said: None,
            isolations: Vec::new(),
            published_end,
            rejected_before: 0,
            forced_before: 0,
        }
    }

    /// Sets the operators' override, under whatever isolates the circuit.
    pub(super) fn set(&mut self, own: Option<OwnOverride>) {
        self.own = own;
    }

    /// Adds an isolation; `forced` calls were rejected as forced open so far.
    pub(super) fn isolate(&mut self, isolation: IsolationRecord, forced: u64) {
        if !self.is_isolated() {
            self.forced_before = forced;
        }
        self.isolations.push(isolation);
    }

    /// Takes one isolation back; `forced` calls were rejected as forced open so far.
    pub(super) fn end_isolation(&mut self, by: &Arc<Isolator>, forced: u64) {
        let isolations = &mut self.isolations;
        let Some(place) = isolations.iter().position(|it| Arc::ptr_eq(&it.by, by)) else { return };
        let rejected = self.rejected_in_isolation(forced);
        self.isolations.remove(place);
        if !self.is_isolated() {
            self.rejected_before = rejected;
        }
    }

    /// How many calls were rejected in isolations, of `forced` that were as forced open.
    pub(super) fn rejected_in_isolation(&self, forced: u64) -> u64 {
        let begun = if self.is_isolated() { self.forced_before } else { forced };
        self.rejected_before.saturating_add(forced.saturating_sub(begun))
    }

    /// The operators' override.
    pub(super) const fn own(&self) -> Option<OwnOverride> {
        self.own
    }

    /// What isolates the circuit.
    pub(super) fn isolations(&self) -> &[IsolationRecord] {
        &self.isolations
    }

    fn is_isolated(&self) -> bool {
        !self.isolations.is_empty()
    }

    /// Keeps what was said of the override with this serial.
    pub(super) fn say(&mut self, serial: u64, words: Arc<OverrideWords>) {
        self.said = Some((serial, words));
    }

    /// Who imposed the operators' override, and why, if that was said.
    pub(super) fn said(&self) -> Option<&Arc<OverrideWords>> {
        let (serial, words) = self.said.as_ref()?;
        self.own.is_some_and(|own| own.serial == *serial).then_some(words)
    }

    /// The override that holds: an isolated circuit is forced open, whatever its own override.
    pub(super) fn effective(&self) -> Option<Override> {
        if self.is_isolated() {
            return Some(Override::ForcedOpen);
        }
        self.own.map(|own| own.overridden)
    }

    /// When the override that holds ends: an isolation has no end.
    pub(super) fn effective_end(&self) -> Timestamp {
        match self.own {
            Some(own) if !self.is_isolated() => own.ends,
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
