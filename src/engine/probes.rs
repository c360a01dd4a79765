//! The slots of half-open: who may probe, and what the probes have said.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::engine::settings::Settings;
use crate::engine::time::Timestamp;
use crate::sync::{Bug, planted};

/// The probes of one half-open stretch. Guarded by the machine's lock.
#[derive(Debug)]
pub(crate) struct Probes {
    live: Vec<Lease>,
    lease: Duration,
    next: ProbeId,
    succeeded: u32,
    failed: u32,
    ignored_in_a_row: u32,
}

/// Which probe of a half-open stretch a permit is for: from 1 to 2^24 - 1, and then from 1 again,
/// far more than are ever under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeId(NonZeroU32);

#[derive(Debug)]
struct Lease {
    probe: ProbeId,
    ends: Timestamp,
}

/// What a probe said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Passed,
    Failed,
    Ignored,
    /// Nothing: it did not reach the upstream.
    NotSent,
}

/// What all probes together have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Undecided,
    Recovered,
    /// The upstream answers, but with nothing that tells whether it is well.
    Answering,
    StillFailing,
}

/// So many probes without a word on the upstream's health are taken as recovery: enough that a few
/// odd requests do not close a circuit, few enough that it does not reject for long without cause.
const IGNORED_PROBES_THAT_CLOSE: u32 = 16;

impl Probes {
    pub(crate) const fn none() -> Self {
        Self {
            live: Vec::new(),
            lease: Duration::ZERO,
            next: ProbeId::FIRST,
            succeeded: 0,
            failed: 0,
            ignored_in_a_row: 0,
        }
    }

    /// Begins a half-open stretch, in which a probe holds its slot for `lease`.
    pub(crate) fn restart(&mut self, lease: Duration) {
        self.live.clear();
        *self = Self { live: std::mem::take(&mut self.live), lease, ..Self::none() };
    }

    /// Takes a slot, if one is free.
    pub(crate) fn admit(&mut self, settings: &Settings, now: Timestamp) -> Option<ProbeId> {
        self.end_leases(now);
        if self.is_full(settings) {
            return None;
        }
        let probe = self.next;
        self.next = probe.next();
        self.live.push(Lease { probe, ends: now.after(self.lease) });
        Some(probe)
    }

    /// Gives the slot of `probe` back, if it still holds one: it says nothing, not even that the
    /// upstream answers.
    pub(crate) fn give_back(&mut self, probe: ProbeId) {
        self.live.retain(|lease| lease.probe != probe && !planted(Bug::AllSlots));
    }

    /// Whether `probe` still holds its slot.
    pub(crate) fn holds(&self, probe: ProbeId, now: Timestamp) -> bool {
        self.live.iter().any(|lease| lease.probe == probe && lease.ends > now)
    }

    /// Begins the lease of `probe` anew; `false` when it no longer holds its slot.
    pub(crate) fn renew(&mut self, probe: ProbeId, now: Timestamp) -> bool {
        let ends = now.after(self.lease);
        let held = |lease: &&mut Lease| lease.probe == probe && lease.ends > now;
        match self.live.iter_mut().find(held) {
            Some(lease) => {
                lease.ends = ends;
                true
            }
            None => planted(Bug::OldLease),
        }
    }

    /// Gives the slot of `probe` back, if it still holds one, and counts what it said.
    pub(crate) fn finish(
        &mut self,
        settings: &Settings,
        probe: ProbeId,
        answer: Answer,
    ) -> Decision {
        self.give_back(probe);
        match answer {
            Answer::NotSent => return Decision::Undecided,
            Answer::Ignored => {
                self.ignored_in_a_row = self.ignored_in_a_row.saturating_add(1);
                if self.ignored_in_a_row >= IGNORED_PROBES_THAT_CLOSE {
                    return Decision::Answering;
                }
                return Decision::Undecided;
            }
            Answer::Passed => self.succeeded = self.succeeded.saturating_add(1),
            Answer::Failed => self.failed = self.failed.saturating_add(1),
        }
        self.ignored_in_a_row = 0;
        if self.failed > settings.failed_probes_allowed {
            Decision::StillFailing
        } else if self.succeeded >= settings.probes {
            Decision::Recovered
        } else {
            Decision::Undecided
        }
    }

    /// When a slot is free at the latest: at once, or when the first lease ends.
    pub(crate) fn free_at(&self, settings: &Settings) -> Timestamp {
        if !self.is_full(settings) {
            return Timestamp::ZERO;
        }
        self.live.iter().map(|lease| lease.ends).min().unwrap_or(Timestamp::ZERO)
    }

    fn is_full(&self, settings: &Settings) -> bool {
        let limit = usize::try_from(settings.concurrent_probes).unwrap_or(usize::MAX);
        self.live.len() >= limit
    }

    fn end_leases(&mut self, now: Timestamp) {
        self.live.retain(|lease| lease.ends > now);
    }
}

impl ProbeId {
    pub(crate) const FIRST: Self = Self(NonZeroU32::MIN);
    const NUMBER: u32 = (1 << 24) - 1;

    pub(crate) const fn next(self) -> Self {
        match NonZeroU32::new(self.0.get().wrapping_add(1) & Self::NUMBER) {
            Some(next) => Self(next),
            None => Self::FIRST,
        }
    }

    /// A number of 24 bits, not zero.
    pub(crate) const fn number(self) -> u64 {
        self.0.get() as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked to 24 bits")]
    pub(crate) const fn from_number(number: u64) -> Option<Self> {
        match NonZeroU32::new(number as u32 & Self::NUMBER) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ProbeId, Probes};
    use crate::engine::settings::Settings;
    use crate::engine::time::Timestamp;

    #[test]
    fn the_next_half_open_uses_the_memory_of_the_last() {
        let mut settings = Settings::without_rules();
        settings.concurrent_probes = 5;
        let mut probes = Probes::none();
        probes.restart(Duration::from_secs(1));
        for _ in 0..5 {
            probes.admit(&settings, Timestamp::ZERO);
        }

        probes.restart(Duration::from_secs(1));

        assert!(probes.live.is_empty());
        assert!(probes.live.capacity() >= 5);
    }

    #[test]
    fn probe_numbers_begin_again_at_one() {
        let last = ProbeId::from_number((1 << 24) - 1).unwrap();

        assert_eq!(last.next(), ProbeId::FIRST);
        assert_eq!(ProbeId::from_number(last.number()), Some(last));
        assert_eq!(ProbeId::from_number(0), None);
    }
}
