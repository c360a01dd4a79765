//! The end that nearly every call has: a fast success of a closed circuit, which is nothing but a
//! count.
//!
//! A path of its own, because it is so short: the same atomics as in
//! [`judge`](Machine::judge), without the branches for all that may follow from an end.

use crate::engine::machine::Machine;
use crate::engine::machine::effect::CountedAs;
use crate::engine::outcome::Outcome;
use crate::engine::record::totals::FrequentCounter;
use crate::engine::state::{Tag, Word};
use crate::engine::ticket::Ticket;
use crate::engine::time::{TimeSource, Timestamp};

impl Machine {
    /// Counts a success of a call that is neither timed nor tracked, if that is all that there is to
    /// do; returns false, and has counted nothing, where [`judge`](Self::judge) has to look at it.
    #[inline]
    pub(crate) fn count_success(&self, ticket: Ticket, clock: &impl TimeSource) -> bool {
        let word = self.word();
        ticket.ends_plainly_in(word)
            && self.count_success_before(Timestamp::NEVER, Tag::of(word.epoch()), clock)
    }

    /// The same for a call that is timed or tracked.
    #[inline]
    pub(crate) fn count_watched_success(&self, ticket: Ticket, clock: &impl TimeSource) -> bool {
        let word = self.word();
        let fast_until = ticket.fast_until(self.recorder().slower_than());
        let Some(fast_until) = fast_until.filter(|_| ticket.ends_unheard_in(word)) else {
            return ticket.is_for_latency() && self.count_success_with_latency(word, ticket, clock);
        };
        let is_counted = self.count_success_before(fast_until, Tag::of(word.epoch()), clock);
        if is_counted && ticket.is_tracked() {
            self.end_tracked_success(ticket, clock);
        }
        is_counted
    }

    /// As [`end_tracked`](Self::end_tracked) for a success.
    #[inline]
    fn end_tracked_success(&self, ticket: Ticket, clock: &impl TimeSource) {
        let Some(tracking) = self.recorder().tracking() else { return };
        if tracking.admission_share.has_throttle() {
            return self.end_tracked(ticket, Some(Outcome::Success), || clock.now());
        }
        if !ticket.is_answered() {
            tracking.end(ticket.tag(), ticket.started());
        }
    }

    /// The same for a call whose latency is to be kept: by one reading of the clock.
    #[inline(never)]
    fn count_success_with_latency(
        &self,
        word: Word,
        ticket: Ticket,
        clock: &impl TimeSource,
    ) -> bool {
        let fast_until = ticket.fast_until(self.recorder().slower_than());
        let is_heard = !ticket.with_latency_kept().ends_unheard_in(word);
        let Some(fast_until) = fast_until.filter(|_| !is_heard) else { return false };
        let now = clock.start();
        let is_counted = self.count_success_before(fast_until, Tag::of(word.epoch()), &now);
        if is_counted {
            self.keep_latency(CountedAs::Success, ticket.elapsed(|| now));
        }
        if is_counted && ticket.is_tracked() {
            self.end_tracked(ticket, Some(Outcome::Success), || now);
        }
        is_counted
    }

    #[inline]
    fn count_success_before(
        &self,
        fast_until: Timestamp,
        tag: Tag,
        clock: &impl TimeSource,
    ) -> bool {
        match self.recorder().count_success(tag, fast_until, clock) {
            Some(true) => true,
            Some(false) => {
                self.count_success_in_totals();
                true
            }
            None => {
                self.look_at_threads(tag);
                false
            }
        }
    }

    /// Counts a success that the window does not count for the totals.
    #[inline]
    pub(super) fn count_success_in_totals(&self) {
        self.tally().add_frequent(FrequentCounter::Successes, self.recorder().stripes());
    }

    /// Has the window count in stripes, if several threads call.
    #[cold]
    #[inline(never)]
    fn look_at_threads(&self, tag: Tag) {
        if self.recorder().are_threads_looked_at(tag) && self.tally().is_called_by_several() {
            // Under the lock: the epoch stays, and no other thread begins or ends one.
            self.look(|_| self.recorder().use_stripes(Tag::of(self.word().epoch())));
        }
    }
}

#[cfg(all(test, not(breaker_loom)))]
mod tests;
