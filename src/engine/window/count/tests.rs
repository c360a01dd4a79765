//! What takes years or a thread held up in the wrong place: large sums, numbers that wrap, and
//! readers that come late.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "these are tests")]

use std::collections::VecDeque;

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::window::count::{CountRing, Feature, NUMBER, PER_BLOCK, Results};
use crate::engine::window::counts::{SlowCalls, WindowCounts};
use crate::sync::{AtomicU64, Ordering};

/// Even, so that a bit that spills into it shows.
const NOW: Tag = Tag::of(6);

fn words(length: u32) -> Vec<AtomicU64> {
    (0..CountRing::words_for(length, SlowCalls::Counted)).map(|_| AtomicU64::new(0)).collect()
}

/// Call `step` of a series without a short period.
fn call(step: u64) -> EndedCall {
    let square = step.wrapping_mul(step);
    EndedCall { has_failed: square % 7 < 3, was_slow: square % 11 < 5 }
}

/// The last results, as a list.
struct Last {
    length: usize,
    results: VecDeque<EndedCall>,
}

impl Last {
    fn of(length: u32) -> Self {
        Self { length: usize::try_from(length).unwrap(), results: VecDeque::new() }
    }

    fn record(&mut self, call: EndedCall) {
        self.results.push_back(call);
        if self.results.len() > self.length {
            self.results.pop_front();
        }
    }

    fn counts(&self) -> WindowCounts {
        WindowCounts {
            calls: self.results.len().try_into().unwrap(),
            failures: self.results.iter().map(|call| call.failed()).sum(),
            slow_calls: self.results.iter().map(|call| call.slow()).sum(),
        }
    }
}

/// Sets the ring as if blocks of fast successes had come after `failed` failures and `slow` slow
/// calls, and `number` were the current one.
fn preset(ring: &CountRing<'_>, number: u64, failed: u64, slow: u64) {
    let success = EndedCall::SUCCESS;
    ring.head.store(NOW.mark(number), Ordering::Relaxed);
    let blocks = u64::try_from(ring.blocks()).unwrap();
    for block in number.saturating_sub(blocks - 1)..=number {
        let places = if block == number { 0 } else { PER_BLOCK };
        let full = (0..places).fold(Results::empty(NOW, block), |so_far, _| so_far.with(success));
        ring.results(block).unwrap().store(full.0, Ordering::Relaxed);
        for (feature, sum) in [(Feature::Failed, failed), (Feature::Slow, slow)] {
            ring.sum(block, feature).unwrap().store(NOW.mark(sum), Ordering::Relaxed);
        }
    }
}

#[test]
fn a_count_window_stays_exact_when_its_numbers_wrap_and_its_sums_are_large() {
    let success = EndedCall::SUCCESS;
    for number in [1 << 16, NUMBER, NUMBER + 1, 1 << 32] {
        for (failed, slow) in [(0xffff, 0x1_0000), ((1 << 24) - 9, 1 << 24), (1 << 32, 1 << 47)] {
            let (words, head) = (words(25), AtomicU64::new(0));
            let ring = CountRing::new(&words, &head, 25, SlowCalls::Counted);
            preset(&ring, number - 3, failed, slow);
            let mut last = Last::of(25);
            (0..25).for_each(|_| last.record(success));

            for step in 0..150 {
                ring.record(NOW, call(step));
                last.record(call(step));

                let expected = last.counts();
                assert_eq!(ring.counts(NOW), expected, "{step}: {number} {failed} {slow}");
            }
            let tags = words.iter().map(|word| Tag::on(word.load(Ordering::Relaxed)));
            assert!(tags.eq(words.iter().map(|_| NOW)), "{number} {failed} {slow}");
        }
    }
}

/// A reader may have loaded the current block when it had few results, and read the blocks at the
/// window's end when the next one is prepared already. As long as `head` has not moved it trusts
/// what it finds, so the next block must not stand where the window ends.
#[test]
fn a_reader_that_is_late_by_a_whole_block_finds_the_windows_end() {
    for length in 1..=90 {
        for places in 1..=PER_BLOCK {
            let (words, head) = (words(length), AtomicU64::new(0));
            let ring = CountRing::new(&words, &head, length, SlowCalls::Counted);
            let mut last = Last::of(length);
            ring.restart(NOW);
            let number = u64::try_from(ring.blocks()).unwrap() * 2;
            for step in 0..number * PER_BLOCK + places {
                ring.record(NOW, call(step));
                last.record(call(step));
            }
            let current = Results(ring.results(number).unwrap().load(Ordering::Relaxed));

            for step in places..=PER_BLOCK {
                ring.record(NOW, call(step));
            }
            head.store(NOW.mark(number), Ordering::Relaxed);

            let seen = ring.counts_with(number, current).unwrap();
            assert_eq!(seen, last.counts(), "length {length}, {places} places");
        }
    }
}

#[test]
fn an_epoch_that_left_only_half_of_a_ring_has_no_successes() {
    let (old, next) = (Tag::of(5), Tag::of(7));
    for (in_head, in_block) in [(old, NOW), (NOW, old)] {
        let (words, head) = (words(25), AtomicU64::new(0));
        let ring = CountRing::new(&words, &head, 25, SlowCalls::Counted);
        ring.restart(in_block);
        ring.record(in_block, EndedCall::SUCCESS);
        head.store(in_head.mark(0), Ordering::Relaxed);

        assert_eq!(ring.finish(NOW, next), 0, "{in_head:?} {in_block:?}");
    }
}

#[test]
fn a_result_that_saw_the_ring_before_its_epoch_was_counted_is_late() {
    let success = EndedCall::SUCCESS;
    let (words, head) = (words(25), AtomicU64::new(0));
    let ring = CountRing::new(&words, &head, 25, SlowCalls::Counted);
    ring.restart(NOW);
    (0..12).for_each(|_| {
        assert!(matches!(ring.record(NOW, success), Recorded::InTime { is_counted: true, .. }))
    });
    let seen = head.load(Ordering::Relaxed);

    assert_eq!(ring.finish(NOW, Tag::of(7)), 12);

    head.store(seen, Ordering::Relaxed);
    assert_eq!(ring.record(NOW, success), Recorded::Stale);
}
