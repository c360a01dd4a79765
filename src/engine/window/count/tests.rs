//! What takes years or a thread held up in the wrong place: large sums, numbers that wrap, and
//! readers that come late.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "these are tests")]

use std::collections::VecDeque;

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::window::count::CountRing;
use crate::engine::window::count::block::{Feature, NUMBER, Results};
use crate::engine::window::counts::{SlowCalls, WindowCounts};
use crate::sync::{AtomicU64, Ordering};

/// Even, so that a bit that spills into it shows.
const NOW: Tag = Tag::of(6);

const BOTH: [SlowCalls; 2] = [SlowCalls::Ignored, SlowCalls::Counted];

fn words(length: u32, slow_calls: SlowCalls) -> Vec<AtomicU64> {
    (0..CountRing::words_for(length, slow_calls)).map(|_| AtomicU64::new(0)).collect()
}

/// Call `step` of a series without a short period.
fn call(step: u64) -> EndedCall {
    let square = step.wrapping_mul(step);
    EndedCall { has_failed: square % 7 < 3, was_slow: square % 11 < 5 }
}

/// The last results, as a list.
struct Last {
    length: usize,
    slow_calls: SlowCalls,
    results: VecDeque<EndedCall>,
}

impl Last {
    fn of(length: u32, slow_calls: SlowCalls) -> Self {
        let length = usize::try_from(length).unwrap();
        Self { length, slow_calls, results: VecDeque::new() }
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
            slow_calls: match self.slow_calls {
                SlowCalls::Ignored => 0,
                SlowCalls::Counted => self.results.iter().map(|call| call.slow()).sum(),
            },
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
        let places = if block == number { 0 } else { ring.slow_calls.per_block() };
        let full = (0..places)
            .fold(Results::empty(NOW, block), |so_far, _| so_far.with(success, ring.slow_calls));
        ring.results(block).unwrap().store(full.0, Ordering::Relaxed);
        for (feature, sum) in [(Feature::Failed, failed), (Feature::Slow, slow)] {
            if let Some(word) = ring.sum(block, feature) {
                word.store(NOW.mark(sum), Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn a_count_window_holds_exactly_the_last_results_on_both_sides_of_each_border() {
    for slow_calls in BOTH {
        for length in [1, 2, 9, 10, 11, 18, 19, 20, 37, 38, 39, 100] {
            let (words, head) = (words(length, slow_calls), AtomicU64::new(0));
            let ring = CountRing::new(&words, &head, length, slow_calls);
            let mut last = Last::of(length, slow_calls);
            ring.restart(NOW);
            let mut successes = 0;
            // Several times around the ring.
            for step in 0..500 {
                let call = call(step);
                let is_counted =
                    call == EndedCall::SUCCESS && step % 2 == 0 && ring.count_success(NOW);
                if !is_counted {
                    ring.record(NOW, call);
                }
                last.record(call);
                successes += 1 - call.failed();

                let what = format!("{slow_calls:?}, length {length}, step {step}");
                assert_eq!(ring.counts(NOW), last.counts(), "{what}");
                assert_eq!(ring.successes(NOW), successes, "{what}");
            }
        }
    }
}

#[test]
fn a_block_has_room_for_as_many_results_as_it_can_count() {
    for (slow_calls, room) in [(SlowCalls::Ignored, 19), (SlowCalls::Counted, 10)] {
        for call in [
            EndedCall::SUCCESS,
            EndedCall::FAILURE,
            EndedCall { has_failed: false, was_slow: true },
            EndedCall { has_failed: true, was_slow: true },
        ] {
            let mut block = Results::empty(NOW, NUMBER);
            for so_far in 0..room {
                assert_eq!(block.len(slow_calls), so_far, "{slow_calls:?} {call:?}");
                assert!(block.has_room(slow_calls), "{slow_calls:?} {call:?}, {so_far}");
                assert!(block.is_with_room(NOW, NUMBER, slow_calls), "{slow_calls:?}, {so_far}");
                block = block.with(call, slow_calls);
            }

            let failed = block.count(room, Feature::Failed, slow_calls);
            assert_eq!((block.tag(), block.number()), (NOW, NUMBER), "{slow_calls:?} {call:?}");
            assert_eq!((block.len(slow_calls), failed), (room, room * call.failed()));
            assert!(!block.has_room(slow_calls), "{slow_calls:?} {call:?}");
            assert!(!block.is_with_room(NOW, NUMBER, slow_calls), "{slow_calls:?} {call:?}");
        }
    }
}

#[test]
fn a_window_of_a_hundred_calls_takes_eight_blocks_of_two_words() {
    assert_eq!(CountRing::words_for(100, SlowCalls::Ignored), 16);
    assert_eq!(CountRing::words_for(100, SlowCalls::Counted), 48);
    for (length, blocks) in [(1, 4), (38, 4), (39, 8), (114, 8), (115, 16), (1_000_000, 65_536)] {
        assert_eq!(CountRing::words_for(length, SlowCalls::Ignored), 2 * blocks, "{length}");
    }
}

#[test]
fn a_count_window_stays_exact_when_its_numbers_wrap_and_its_sums_are_large() {
    let success = EndedCall::SUCCESS;
    let numbers = [1 << 16, NUMBER, NUMBER + 1, 1 << 32];
    for (slow_calls, number) in BOTH.into_iter().flat_map(|it| numbers.map(|number| (it, number))) {
        for (failed, slow) in [(0xffff, 0x1_0000), ((1 << 24) - 9, 1 << 24), (1 << 32, 1 << 47)] {
            let (words, head) = (words(25, slow_calls), AtomicU64::new(0));
            let ring = CountRing::new(&words, &head, 25, slow_calls);
            preset(&ring, number - 3, failed, slow);
            let mut last = Last::of(25, slow_calls);
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
    for (slow_calls, length) in BOTH.into_iter().flat_map(|it| (1..=90).map(move |to| (it, to))) {
        let per_block = slow_calls.per_block();
        for places in 1..=per_block {
            let (words, head) = (words(length, slow_calls), AtomicU64::new(0));
            let ring = CountRing::new(&words, &head, length, slow_calls);
            let mut last = Last::of(length, slow_calls);
            ring.restart(NOW);
            let number = u64::try_from(ring.blocks()).unwrap() * 2;
            for step in 0..number * per_block + places {
                ring.record(NOW, call(step));
                last.record(call(step));
            }
            let current = Results(ring.results(number).unwrap().load(Ordering::Relaxed));

            for step in places..=per_block {
                ring.record(NOW, call(step));
            }
            head.store(NOW.mark(number), Ordering::Relaxed);

            let seen = ring.counts_with(number, current).unwrap();
            assert_eq!(seen, last.counts(), "{slow_calls:?}, length {length}, {places} places");
        }
    }
}

#[test]
fn an_epoch_that_left_only_half_of_a_ring_has_no_successes() {
    let (old, next) = (Tag::of(5), Tag::of(7));
    for (in_head, in_block) in [(old, NOW), (NOW, old)] {
        let (words, head) = (words(25, SlowCalls::Counted), AtomicU64::new(0));
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
    let (words, head) = (words(25, SlowCalls::Counted), AtomicU64::new(0));
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
