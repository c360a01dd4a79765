//! The slots of a half-open epoch: which calls may probe, and what the probes found.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::engine::machine::probes::results::ProbeResults;
use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;
use crate::sync::{Arc, Weak};

mod results;

pub(crate) use crate::engine::machine::probes::results::{ProbeResult, ProbeVerdict};

/// The probes of one half-open epoch. Guarded by the machine's lock.
#[derive(Debug)]
pub(crate) struct Probes {
    leases: Vec<Lease>,
    lease: Duration,
    next: ProbeId,
    results: ProbeResults,
}

/// Which probe of a half-open epoch a permit is for: from 1 to 2^24 - 1, and then from 1 again,
/// far more than are ever in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeId(NonZeroU32);

/// A probe that was answered, and whose body has not ended.
///
/// It holds its slot for a while, and is then judged as it is. Judging runs user code, so the
/// caller does it where no lock is held.
pub(crate) trait HeldProbe: Send + Sync {
    /// Judges the probe now, unless that is done; the slot is free already.
    fn end_hold(&self, now: Timestamp);
}

/// The probes of a half-open epoch, in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbeCounts {
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    pub(crate) in_flight: u32,
    /// How long each may hold its slot.
    pub(crate) lease: Duration,
}

#[derive(Debug)]
struct Lease {
    probe: ProbeId,
    ends: Timestamp,
    stage: LeaseStage,
}

/// The purpose for which a slot is held.
#[derive(Debug)]
enum LeaseStage {
    /// A call to come.
    Reserved,
    /// A call that began at `began`, and has not been answered.
    Called { began: Timestamp },
    /// A call that was answered, and is not judged yet.
    Held(Weak<dyn HeldProbe>),
    /// Nothing any more: the lease of an unanswered call has ended, which counted as a failure.
    /// Kept so that the end of the call is not counted again; there are at most as many as may
    /// fail.
    Failed,
}

impl Probes {
    pub(crate) fn none() -> Self {
        Self {
            leases: Vec::new(),
            lease: Duration::ZERO,
            next: ProbeId::FIRST,
            results: ProbeResults::default(),
        }
    }

    /// Begins a half-open epoch, in which a probe holds its slot for `lease`.
    pub(crate) fn restart(&mut self, lease: Duration) {
        self.leases.clear();
        *self = Self { leases: std::mem::take(&mut self.leases), lease, ..Self::none() };
    }

    /// Takes a slot for a call that begins now, if one is free.
    pub(crate) fn admit(&mut self, settings: &Settings, now: Timestamp) -> Option<ProbeId> {
        self.take(settings, LeaseStage::Called { began: now }, now)
    }

    /// Takes a slot for a call to come, if one is free.
    pub(crate) fn reserve(&mut self, settings: &Settings, now: Timestamp) -> Option<ProbeId> {
        self.take(settings, LeaseStage::Reserved, now)
    }

    fn take(&mut self, settings: &Settings, stage: LeaseStage, now: Timestamp) -> Option<ProbeId> {
        if self.is_full(settings) {
            return None;
        }
        let probe = self.next;
        self.next = probe.next();
        self.leases.push(Lease { probe, ends: now.after(self.lease), stage });
        Some(probe)
    }

    /// Gives the slot of `probe` back, if it still holds one. The probe counts as nothing, not even
    /// as a sign that the upstream answers.
    pub(crate) fn give_back(&mut self, probe: ProbeId) {
        self.remove(probe);
    }

    /// Whether `probe` still holds its slot.
    pub(crate) fn holds(&self, probe: ProbeId, now: Timestamp) -> bool {
        self.leases.iter().any(|lease| lease.probe == probe && lease.ends > now)
    }

    /// Begins the call that `probe` was reserved for, with a lease of its own; `false` when the
    /// reservation no longer holds its slot.
    pub(crate) fn begin(&mut self, probe: ProbeId, now: Timestamp) -> bool {
        let ends = now.after(self.lease);
        let held = |lease: &&mut Lease| lease.probe == probe && lease.ends > now;
        let Some(lease) = self.leases.iter_mut().find(held) else { return false };
        lease.ends = ends;
        lease.stage = LeaseStage::Called { began: now };
        true
    }

    /// Notes that `probe` was answered, and has it hold its slot until its body ends, but for at
    /// most `hold` and not past its lease.
    pub(crate) fn hold(
        &mut self,
        probe: ProbeId,
        held: Weak<dyn HeldProbe>,
        hold: Duration,
        now: Timestamp,
    ) {
        self.results.end_row();
        let is_called = |lease: &&mut Lease| {
            lease.probe == probe && matches!(lease.stage, LeaseStage::Called { .. })
        };
        if let Some(lease) = self.leases.iter_mut().find(is_called) {
            lease.stage = LeaseStage::Held(held);
            lease.ends = lease.ends.min(now.after(hold));
        }
    }

    /// Frees the slots of probes that have been held for long enough; the caller judges them next.
    pub(crate) fn end_holds(&mut self, now: Timestamp) -> Vec<Arc<dyn HeldProbe>> {
        let mut ended = Vec::new();
        self.leases.retain(|lease| match &lease.stage {
            LeaseStage::Held(held) if lease.ends <= now => {
                // `None` where its body was dropped meanwhile, which judges it.
                ended.extend(held.upgrade());
                false
            }
            _ => true,
        });
        ended
    }

    /// Frees the slots whose leases are over: their calls, if there were any, have had no answer.
    pub(crate) fn end_leases(&mut self, settings: &Settings, now: Timestamp) -> ProbeVerdict {
        let limit = settings.probe_limit();
        let results = &mut self.results;
        let mut decision = ProbeVerdict::Undecided;
        self.leases.retain_mut(|lease| match lease.stage {
            // A held one is judged when its slot is freed, in `end_holds`.
            LeaseStage::Held(_) | LeaseStage::Failed => true,
            _ if lease.ends > now => true,
            LeaseStage::Reserved => false,
            LeaseStage::Called { began }
                if limit.is_some_and(|limit| now.since(began) >= limit) =>
            {
                decision = decision.or(results.count(settings, ProbeResult::TimedOut, began, now));
                lease.stage = LeaseStage::Failed;
                true
            }
            LeaseStage::Called { began } => {
                decision =
                    decision.or(results.count(settings, ProbeResult::Unanswered, began, now));
                false
            }
        });
        decision
    }

    /// Gives the slot of `probe` back, if it still holds one, and counts its result, unless that
    /// was counted when its lease ended. Its call began at `began`.
    pub(crate) fn finish(
        &mut self,
        settings: &Settings,
        probe: ProbeId,
        answer: ProbeResult,
        began: Timestamp,
        now: Timestamp,
    ) -> ProbeVerdict {
        let stage = self.remove(probe);
        match (stage, answer) {
            // Its lease has ended, and it was counted: as a failure, or among the unanswered.
            (
                Some(LeaseStage::Failed),
                ProbeResult::Unanswered | ProbeResult::TimedOut | ProbeResult::NotSent,
            )
            | (None, ProbeResult::Unanswered) => ProbeVerdict::Undecided,
            (Some(LeaseStage::Failed), _) => {
                self.results.end_row();
                ProbeVerdict::Undecided
            }
            _ => self.results.count(settings, answer, began, now),
        }
    }

    /// When a slot is free at the latest: at once, or when the first lease ends.
    pub(crate) fn free_at(&self, settings: &Settings) -> Timestamp {
        if !self.is_full(settings) {
            return Timestamp::ZERO;
        }
        self.held_slots().map(|lease| lease.ends).min().unwrap_or(Timestamp::ZERO)
    }

    /// How the probes of this epoch have done so far.
    pub(crate) fn counts(&self) -> ProbeCounts {
        let is_called = |lease: &&Lease| !matches!(lease.stage, LeaseStage::Reserved);
        let in_flight = self.held_slots().filter(is_called).count();
        ProbeCounts {
            succeeded: self.results.succeeded,
            failed: self.results.failed,
            in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX),
            lease: self.lease,
        }
    }

    fn remove(&mut self, probe: ProbeId) -> Option<LeaseStage> {
        let place = self.leases.iter().position(|lease| lease.probe == probe)?;
        // Keeps their order, in which held probes are judged.
        Some(self.leases.remove(place).stage)
    }

    fn held_slots(&self) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(|lease| !matches!(lease.stage, LeaseStage::Failed))
    }

    fn is_full(&self, settings: &Settings) -> bool {
        let limit = usize::try_from(settings.concurrent_probes).unwrap_or(usize::MAX);
        self.held_slots().count() >= limit
    }
}

impl ProbeVerdict {
    /// This verdict, or `next` where this one is undecided.
    fn or(self, next: Self) -> Self {
        if self == Self::Undecided { next } else { self }
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
mod tests;
