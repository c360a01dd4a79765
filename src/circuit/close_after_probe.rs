//! What a health probe does to the circuit that it watches.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::health::OpenEpoch;

impl Circuit {
    pub(crate) fn open_epoch(&self) -> Option<OpenEpoch> {
        self.core.machine.open_epoch(self.end_override())
    }

    /// Keeps the circuit open for `left` from now, if the epoch still lasts.
    pub(crate) fn extend_open(&self, open_epoch: OpenEpoch, left: Duration) {
        self.tell_effect(self.core.machine.extend_open(open_epoch.epoch, left, self.now()));
    }

    /// Closes the circuit, if the epoch still lasts.
    pub(crate) fn close_after_probe(&self, open_epoch: OpenEpoch) {
        self.tell_if(self.core.machine.close_after_probe(open_epoch.epoch, self.now()));
    }
}
