//! What a circuit knows about its fleet.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::time::Timestamp;

/// What a circuit knows about its fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FleetView {
    /// The epoch of the last verdict; 0 before the first.
    epoch: u64,
    /// Whether a verdict has opened the circuit, and it has not been closed since.
    has_opened: bool,
    /// When the last open epoch ends without the fleet; `None` where the fleet began it.
    own_end: Option<Timestamp>,
    /// When the last open epoch began.
    begun: Timestamp,
    /// How far the link's word on probes goes; `None` where the circuit probes by itself.
    term: Option<Term>,
}

/// How far the word of a circuit's link goes, which may have no processor to say the next one in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    /// From then on it is the link's turn to say something.
    pub(crate) ends: Timestamp,
    /// For how long the circuit then stays open, once, so that the link can.
    pub(crate) hold: Duration,
    /// Whether it is a lease: then it bounds probes, too, not only when they may begin.
    pub(crate) is_lease: bool,
}

impl FleetView {
    /// Notes that a verdict of `epoch` has come.
    pub(super) fn hear(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Notes that a verdict keeps the circuit open.
    pub(super) fn open(&mut self) {
        self.has_opened = true;
    }

    /// Notes that the circuit is closed: no verdict keeps it open any more.
    pub(super) fn close(&mut self) {
        self.has_opened = false;
        self.term = None;
    }

    /// Notes that the circuit probes: what was said of when it may begin to is over.
    pub(super) fn begin_probes(&mut self) {
        self.term = self.term.filter(|term| term.is_lease);
    }

    /// Sets how far the link's word goes.
    pub(super) fn set_term(&mut self, term: Option<Term>) {
        self.term = term;
    }

    /// The link's word, where it went so far and the next is late.
    pub(crate) fn term_over(&self, now: Timestamp) -> Option<Term> {
        self.term.filter(|term| term.ends <= now)
    }

    /// Notes whether the fleet began the open epoch that begins at `now` and ends at `until`.
    pub(super) fn note_opening(&mut self, reason: ChangeReason, until: Timestamp, now: Timestamp) {
        self.term = None;
        if reason != ChangeReason::LeaseOver {
            self.begun = now;
        }
        match reason {
            ChangeReason::Fleet => self.own_end = None,
            // Continues the open epoch from before the probes that are recalled.
            ChangeReason::LeaseOver => {}
            _ => self.own_end = Some(until),
        }
    }

    /// Sets when the present open epoch ends without the fleet.
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "only a health probe asks for it")
    )]
    pub(super) fn set_own_end(&mut self, until: Timestamp) {
        self.own_end = Some(until);
    }

    /// The epoch of the last verdict; 0 before the first.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a verdict has opened the circuit, and it has not been closed since.
    pub(crate) const fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// When the last open epoch ends without the fleet; `None` where the fleet began it.
    pub(crate) const fn own_end(&self) -> Option<Timestamp> {
        self.own_end
    }

    /// When the last open epoch began, if the circuit began it itself.
    pub(crate) fn own_begun(&self) -> Option<Timestamp> {
        self.own_end.map(|_| self.begun)
    }

    /// When the open epoch is to end if the fleet says `until`. The fleet's verdict may be older
    /// than an open epoch that the circuit began itself, and then only extends it.
    pub(crate) fn end(&self, until: Timestamp) -> Timestamp {
        self.own_end.map_or(until, |own| until.max(own))
    }
}
