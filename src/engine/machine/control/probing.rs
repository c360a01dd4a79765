//! The slots of probes, under the settings of the circuit.

use crate::engine::machine::control::Control;
use crate::engine::machine::probes::{HeldProbe, ProbeCounts, ProbeId, ProbeResult, ProbeVerdict};
use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;
use crate::sync::{Arc, Weak};

impl Control {
    /// Begins a half-open epoch: no slot is taken.
    pub(in crate::engine::machine) fn restart_probes(&mut self) {
        self.fleet.begin_probes();
        self.restart_probes_under(&Arc::clone(&self.settings));
    }

    /// The same for an epoch under other `settings`.
    pub(in crate::engine::machine) fn restart_probes_under(&mut self, settings: &Settings) {
        self.probes.restart(settings.probe_lease(self.open_times.last()));
    }

    /// Takes a slot for a call that begins now, if one is free.
    pub(in crate::engine::machine) fn admit_probe(&mut self, now: Timestamp) -> Option<ProbeId> {
        self.probes.admit(&self.settings, now)
    }

    /// Takes a slot for a call to come, if one is free.
    pub(in crate::engine::machine) fn reserve_probe(&mut self, now: Timestamp) -> Option<ProbeId> {
        self.probes.reserve(&self.settings, now)
    }

    /// Begins the call that `probe` was reserved for; `false` when it no longer holds its slot.
    pub(in crate::engine::machine) fn begin_probe(
        &mut self,
        probe: ProbeId,
        now: Timestamp,
    ) -> bool {
        self.probes.begin(probe, now)
    }

    /// Has `probe`, which was answered, hold its slot for a little longer.
    pub(in crate::engine::machine) fn hold_probe(
        &mut self,
        probe: ProbeId,
        held: Weak<dyn HeldProbe>,
        now: Timestamp,
    ) {
        self.probes.hold(probe, held, self.settings.probe_hold(), now);
    }

    /// Gives the slot of a reservation back.
    pub(in crate::engine::machine) fn give_back(&mut self, probe: ProbeId) {
        self.probes.give_back(probe);
    }

    /// Gives the slot of `probe` back and counts its result, and returns what follows for all of
    /// them.
    pub(in crate::engine::machine) fn finish_probe(
        &mut self,
        probe: ProbeId,
        answer: ProbeResult,
        began: Timestamp,
        now: Timestamp,
    ) -> ProbeVerdict {
        self.probes.finish(&self.settings, probe, answer, began, now)
    }

    /// Frees the slots whose leases are over.
    /// How the probes of this epoch have done so far.
    pub(in crate::engine::machine) fn probe_counts(&self) -> ProbeCounts {
        self.probes.counts()
    }

    pub(in crate::engine::machine) fn end_leases(&mut self, now: Timestamp) -> ProbeVerdict {
        self.probes.end_leases(&self.settings, now)
    }

    /// Frees the slots of probes that were held for long enough; the caller judges them next.
    pub(in crate::engine::machine) fn end_holds(
        &mut self,
        now: Timestamp,
    ) -> Vec<Arc<dyn HeldProbe>> {
        self.probes.end_holds(now)
    }

    /// Whether `probe` still holds its slot.
    pub(in crate::engine::machine) fn holds(&self, probe: ProbeId, now: Timestamp) -> bool {
        self.probes.holds(probe, now)
    }

    /// When a slot is free at the latest.
    pub(in crate::engine::machine) fn slot_free_at(&self) -> Timestamp {
        self.probes.free_at(&self.settings)
    }
}
