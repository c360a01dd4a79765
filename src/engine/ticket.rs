//! The right to one call, without a reference to its circuit.

use std::time::Duration;

use crate::engine::machine::probes::ProbeId;
use crate::engine::state::{Tag, Word};
use crate::engine::time::{Timestamp, nanos};

/// What an admitted call carries until it ends.
///
/// Two words, so that it stays in registers: a value that is stored in pieces and read back at once
/// stalls the processor, which was seen to cost a call more than its window does.
///
/// ```text
///   probe 24 | low bits of the epoch 31 | state, override and flags of the word 9
/// ```
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    bits: u64,
    started: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A call to a closed circuit.
    Call,
    /// A call that finds out whether the upstream has recovered.
    Probe(ProbeId),
    /// A call that would have been rejected, were the circuit not under observation.
    Observed,
}

impl Ticket {
    const PROBE: u32 = 40;
    const WORD: u64 = (1 << Self::PROBE) - 1;
    /// The low bits of the epoch.
    const EPOCH: u64 = Self::WORD & !((1 << Word::EPOCH) - 1);
    /// The call was answered by a head, and is judged at the end of its body; `started` is how long
    /// the answer took, if the call is timed. Takes the place of a flag that no ticket needs.
    const ANSWERED: u64 = Word::REJECTION_EVENTS;

    /// The ticket of a call that `word` admits.
    #[inline]
    pub(crate) const fn new(word: Word, started: Timestamp) -> Self {
        Self { bits: word.bits() & Self::WORD & !(Word::TRACKED | Self::ANSWERED), started }
    }

    /// The ticket of a call that `word` admits without a look at anything else; the time is asked
    /// for where calls are timed.
    #[inline]
    pub(crate) fn of_plain_call(word: Word, now: impl FnOnce() -> Timestamp) -> Self {
        Self::new(word, if word.has(Word::TIMED) { now() } else { Timestamp::ZERO })
    }

    /// The same for a call that is tracked.
    #[inline]
    pub(crate) const fn checked(self) -> Self {
        Self { bits: self.bits | Word::TRACKED, ..self }
    }

    /// The same for a probe.
    pub(crate) const fn probing(self, probe: ProbeId) -> Self {
        Self { bits: self.bits | probe.number() << Self::PROBE, ..self }
    }

    /// The same for a call that was answered after `elapsed`.
    pub(crate) const fn answered(self, elapsed: Duration) -> Self {
        let took = Timestamp::from_nanos(nanos(elapsed));
        Self { bits: self.bits | Self::ANSWERED, started: took }
    }

    /// Whether the call was answered by a head whose body has not ended.
    #[inline]
    pub(crate) const fn is_answered(self) -> bool {
        self.bits & Self::ANSWERED != 0
    }

    /// How long the call took until it ended or was answered, where that is measured.
    #[inline]
    pub(crate) fn elapsed(self, now: impl FnOnce() -> Timestamp) -> Option<Duration> {
        if !self.is_timed() {
            return None;
        }
        let (from, to) = if self.is_answered() {
            (Timestamp::ZERO, self.started)
        } else {
            (self.started, now())
        };
        Some(to.since(from))
    }

    /// Whether `word` is of the epoch that admitted the call.
    ///
    /// To be mistaken, a call would have to last for exactly a multiple of 2^31 changes of state.
    #[inline]
    pub(crate) const fn is_of(self, word: Word) -> bool {
        (self.bits ^ word.bits()) & Self::WORD < 1 << Word::EPOCH
    }

    /// Whether this is a call to the closed circuit of the epoch of `word`, nobody listens to its
    /// end, and its latency is not to be kept, or is kept elsewhere.
    #[inline]
    pub(crate) const fn ends_unheard_in(self, word: Word) -> bool {
        self.differs_from(word, Word::STATE | Word::LATENCY) == 0
    }

    /// The same for a call that is neither timed nor tracked.
    #[inline]
    pub(crate) const fn ends_plainly_in(self, word: Word) -> bool {
        self.differs_from(word, Word::STATE | Word::TIMED | Word::TRACKED) == 0
    }

    /// Not zero where the call is of another epoch, a probe, heard of, or has one of `flags`.
    #[inline]
    const fn differs_from(self, word: Word, flags: u64) -> u64 {
        let other_epoch = (self.bits ^ word.bits()) & Self::EPOCH;
        let own = self.bits & (flags | !Self::WORD);
        other_epoch | own | (word.bits() & Word::CALL_EVENTS)
    }

    /// Until when the call is not slow, if calls are slow after `limit` nanoseconds, 0 for never;
    /// `None` where it was slow.
    #[inline]
    pub(crate) fn fast_until(self, limit: u64) -> Option<Timestamp> {
        if limit == 0 || !self.is_timed() {
            return Some(Timestamp::NEVER);
        }
        let started = self.started.as_nanos();
        if self.is_answered() {
            return (started < limit).then_some(Timestamp::NEVER);
        }
        Some(Timestamp::from_nanos(started.saturating_add(limit)))
    }

    /// When the call started; meaningless once it is answered.
    #[inline]
    pub(crate) const fn started(self) -> Timestamp {
        self.started
    }

    /// Whether a closed circuit admitted the call.
    #[inline]
    pub(crate) const fn is_call(self) -> bool {
        Word::from_bits(self.bits).is_closed()
    }

    /// The tag on everything that the epoch that admitted the call has recorded.
    #[inline]
    pub(crate) const fn tag(self) -> Tag {
        Tag::of(self.bits >> Word::EPOCH)
    }

    /// Whether the call was tracked when it was admitted, and is to be when it ends.
    #[inline]
    pub(crate) const fn is_tracked(self) -> bool {
        Word::from_bits(self.bits).has(Word::TRACKED)
    }

    /// Whether the latency of the call is to be kept.
    #[inline]
    pub(crate) const fn is_for_latency(self) -> bool {
        Word::from_bits(self.bits).has(Word::LATENCY)
    }

    /// The same for a call whose latency is kept elsewhere.
    #[inline]
    pub(crate) const fn with_latency_kept(self) -> Self {
        Self { bits: self.bits & !Word::LATENCY, ..self }
    }

    pub(crate) const fn is_probe(self) -> bool {
        self.bits > Self::WORD
    }

    pub(crate) const fn role(self) -> Role {
        match ProbeId::from_number(self.bits >> Self::PROBE) {
            Some(probe) => Role::Probe(probe),
            None if self.is_call() => Role::Call,
            None => Role::Observed,
        }
    }

    /// Whether the start of the call was noted.
    #[inline]
    pub(crate) const fn is_timed(self) -> bool {
        Word::from_bits(self.bits).has(Word::TIMED) || !self.is_call()
    }
}

#[cfg(test)]
mod tests;
