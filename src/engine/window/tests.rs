//! What cannot be reached from outside: old tags, late ticks, full words, moments within a race.

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::stripes::Stripes;
use crate::engine::time::Timestamp;
use crate::engine::window::count::CountRing;
use crate::engine::window::counts::{SlowCalls, WindowCounts};
use crate::engine::window::successes::Successes;
use crate::engine::window::time::{Classes, TimeRing};
use crate::sync::{AtomicU64, Ordering};

const OLD: Tag = Tag::of(6);
const NOW: Tag = Tag::of(7);
const FAILED: EndedCall = EndedCall::FAILURE;
const SUCCEEDED: EndedCall = EndedCall::SUCCESS;

fn words(number: usize) -> Vec<AtomicU64> {
    (0..number).map(|_| AtomicU64::new(0)).collect()
}

fn calls_and_failures(counts: WindowCounts) -> (u64, u64) {
    (counts.calls, counts.failures)
}

/// Ten nanoseconds to a bucket.
fn time_ring<'a>(words: &'a [AtomicU64], newest: &'a AtomicU64) -> TimeRing<'a> {
    TimeRing::new(words, newest, successes(), 3, 10, Classes::ByOutcome)
}

/// Those of one ring.
fn successes() -> Successes<'static> {
    let first = Box::leak(Box::new(AtomicU64::new(0)));
    Successes::new(first, Box::leak(Box::new(Stripes::new())))
}

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

#[test]
fn a_count_ring_takes_no_result_of_another_epoch() {
    let (words, head) = (words(CountRing::words_for(12, SlowCalls::Ignored)), AtomicU64::new(0));
    let ring = CountRing::new(&words, &head, 12, SlowCalls::Ignored);
    ring.restart(OLD);
    for _ in 0..15 {
        ring.record(OLD, FAILED);
    }
    ring.restart(NOW);
    ring.record(NOW, FAILED);

    assert_eq!(ring.record(OLD, FAILED), Recorded::Stale);
    assert_eq!(calls_and_failures(ring.counts(NOW)), (1, 1));
    assert_eq!(calls_and_failures(ring.counts(OLD)), (0, 0));
}

#[test]
fn a_count_ring_restarted_anywhere_in_a_block_starts_empty() {
    for recorded in 0..80 {
        let (words, head) =
            (words(CountRing::words_for(12, SlowCalls::Ignored)), AtomicU64::new(0));
        let ring = CountRing::new(&words, &head, 12, SlowCalls::Ignored);
        ring.restart(OLD);
        for _ in 0..recorded {
            ring.record(OLD, FAILED);
        }

        ring.restart(NOW);

        for more in 1..=30 {
            ring.record(NOW, SUCCEEDED);
            let counts = calls_and_failures(ring.counts(NOW));
            assert_eq!(counts, (more.min(12), 0), "{more} after {recorded}");
        }
    }
}

#[test]
fn a_ring_in_the_middle_of_a_change_of_shape_gives_up_instead_of_waiting() {
    let (words, head) = (words(CountRing::words_for(500, SlowCalls::Ignored)), AtomicU64::new(0));
    let ring = CountRing::new(&words, &head, 500, SlowCalls::Ignored);
    ring.restart(NOW);
    for _ in 0..90 {
        ring.record(NOW, FAILED);
    }

    let torn = CountRing::new(words.get(..8).unwrap(), &head, 12, SlowCalls::Ignored);

    assert_eq!(torn.record(NOW, FAILED), Recorded::Stale);
    assert_eq!(torn.counts(NOW), WindowCounts::default());
}

#[test]
fn a_time_ring_takes_no_result_of_another_epoch() {
    let (words, newest) = (words(TimeRing::words_for(3, Classes::ByOutcome)), AtomicU64::new(0));
    let ring = time_ring(&words, &newest);
    ring.restart(OLD, at(0));
    ring.record(OLD, FAILED, at(25));
    ring.restart(NOW, at(25));
    ring.record(NOW, FAILED, at(25));

    assert_eq!(ring.record(OLD, FAILED, at(26)), Recorded::Stale);
    assert_eq!(ring.record(OLD, FAILED, at(95)), Recorded::Stale, "nor does it move time on");
    assert_eq!(calls_and_failures(ring.counts(NOW, at(25))), (1, 1));
}

#[test]
fn a_result_of_a_thread_that_was_held_up_counts_when_it_arrives() {
    let (words, newest) = (words(TimeRing::words_for(3, Classes::ByOutcome)), AtomicU64::new(0));
    let ring = time_ring(&words, &newest);
    ring.restart(NOW, at(0));
    ring.record(NOW, SUCCEEDED, at(50));

    for read in [50, 30, 29, 0] {
        assert_ne!(ring.record(NOW, FAILED, at(read)), Recorded::Stale, "read the clock at {read}");
    }

    assert_eq!(calls_and_failures(ring.counts(NOW, at(79))), (5, 4));
    assert_eq!(calls_and_failures(ring.counts(NOW, at(80))), (0, 0));
}

#[test]
fn a_full_word_stays_full() {
    let (words, newest) = (words(TimeRing::words_for(3, Classes::ByOutcome)), AtomicU64::new(0));
    let ring = time_ring(&words, &newest);
    ring.restart(NOW, at(0));
    let failed = words.get(1).unwrap();
    let almost = failed.load(Ordering::Relaxed) | 0xffff_fffe;
    failed.store(almost, Ordering::Relaxed);

    for _ in 0..3 {
        ring.record(NOW, FAILED, at(5));
    }

    let counts = ring.counts(NOW, at(5));
    assert_eq!(calls_and_failures(counts), (0xffff_ffff, 0xffff_ffff));
    assert_eq!(calls_and_failures(ring.counts(NOW, at(95))), (0, 0), "and leaves as others do");
}

#[test]
fn a_word_counts_on_past_65536() {
    let (words, newest) = (words(TimeRing::words_for(3, Classes::ByOutcome)), AtomicU64::new(0));
    let ring = time_ring(&words, &newest);
    ring.restart(NOW, at(0));
    words.get(1).unwrap().fetch_add(0xfffe, Ordering::Relaxed);
    for _ in 0..0xfffe {
        ring.record(NOW, SUCCEEDED, at(1));
    }

    for _ in 0..4 {
        ring.record(NOW, FAILED, at(5));
    }
    ring.record(NOW, SUCCEEDED, at(15));

    assert_eq!(calls_and_failures(ring.counts(NOW, at(15))), (0xfffe + 0x1_0002 + 1, 0x1_0002));
}

#[test]
fn every_result_is_in_one_class() {
    let number = TimeRing::words_for(3, Classes::ByOutcomeAndSpeed);
    let (words, newest) = (words(number), AtomicU64::new(0));
    let ring = TimeRing::new(&words, &newest, successes(), 3, 10, Classes::ByOutcomeAndSpeed);
    ring.restart(NOW, at(0));
    for has_failed in [false, true] {
        for was_slow in [false, true] {
            ring.record(NOW, EndedCall { has_failed, was_slow }, at(1));
        }
    }

    let counts = ring.counts(NOW, at(1));

    assert_eq!((counts.calls, counts.failures, counts.slow_calls), (4, 2, 2));
    assert_eq!(ring.succeeded(NOW), 1, "the fast one: the other is left to the totals");
}
