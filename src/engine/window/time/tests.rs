//! Buckets as another thread may leave them, and stamps that wrap.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "these are tests")]

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;
use crate::engine::window::counts::{Enough, WindowCounts};
use crate::engine::window::past::Past;
use crate::engine::window::time::TimeRing;
use crate::engine::window::time::words::{COUNT, Classes, fresh};
use crate::sync::{AtomicU64, Ordering};

const OLD: Tag = Tag::of(6);
const NOW: Tag = Tag::of(7);
const FAILED: EndedCall = EndedCall::FAILURE;
const SUCCEEDED: EndedCall = EndedCall::SUCCESS;
const WIDTH: u64 = 10;

fn words() -> Vec<AtomicU64> {
    (0..TimeRing::words_for(3, Classes::ByOutcome)).map(|_| AtomicU64::new(0)).collect()
}

fn ring<'a>(words: &'a [AtomicU64], newest: &'a AtomicU64) -> TimeRing<'a> {
    ring_with(words, newest, past())
}

fn ring_with<'a>(words: &'a [AtomicU64], newest: &'a AtomicU64, past: &'a Past) -> TimeRing<'a> {
    TimeRing::new(words, newest, past, 3, WIDTH, Classes::ByOutcome)
}

/// One that no other ring adds to.
fn past() -> &'static Past {
    Box::leak(Box::new(Past::new()))
}

fn at(tick: u64) -> Timestamp {
    Timestamp::from_nanos(tick * WIDTH)
}

#[test]
fn a_word_is_ahead_when_it_was_wiped_for_a_later_tick() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    let cases = [
        (2, 2, 5, false, "what it held, up to the newest"),
        (2, 5, 5, false, "this tick itself"),
        (2, 8, 5, true, "the tick one lap later"),
        (2, 4, 7, false, "an earlier tick of the same gap"),
        (2, 10, 7, true, "a later tick of the same gap"),
        (0, 4, 1, true, "a later tick, where the bucket held none yet"),
        (65_534, 65_540, 65_537, true, "a later tick beyond a wrap of the stamps"),
        (2, 2, 60_002, false, "what it held, so long ago that it looks like a later tick"),
        (65_538, 65_538, 125_538, false, "the same, beyond a wrap of the stamps"),
    ];
    for (newest, held, tick, expected, what) in cases {
        assert_eq!(ring.is_ahead(newest, fresh(NOW, held), tick), expected, "{what}");
    }
}

#[test]
fn a_word_of_an_old_epoch_is_wiped_whatever_tick_it_is_of() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let narrow = ring(&words, &newest);
    narrow.restart(OLD, at(7));
    narrow.record(OLD, FAILED, at(8));
    let wide = TimeRing::new(&words, &newest, past(), 3, WIDTH * 8, Classes::ByOutcome);
    wide.restart(NOW, at(7));

    let recorded = wide.record(NOW, FAILED, at(8));

    let counts = WindowCounts { calls: 1, failures: 1, slow_calls: 0 };
    assert_eq!(recorded, Recorded::InTime { follows: Some(counts), is_counted: true });
}

#[test]
fn a_bucket_of_which_a_word_is_wiped_is_not_counted() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    ring.restart(NOW, at(0));
    for tick in 0..3 {
        ring.record(NOW, FAILED, at(tick));
        ring.record(NOW, SUCCEEDED, at(tick));
    }

    words.first().unwrap().store(fresh(NOW, 3), Ordering::Relaxed);

    let counts = WindowCounts { calls: 4, failures: 2, slow_calls: 0 };
    assert_eq!(ring.counts(NOW, at(2)), counts);
}

#[test]
fn a_ring_in_the_middle_of_a_change_of_shape_gives_up_instead_of_waiting() {
    let (words, newest) = (words(), AtomicU64::new(0));
    ring(&words, &newest).restart(NOW, at(5));

    let torn = TimeRing::new(&words, &newest, past(), 2, WIDTH, Classes::ByOutcome);

    assert_eq!(torn.record(NOW, FAILED, at(5)), Recorded::Stale);
}

/// A call in tick 0, two in tick 1, and so on up to six in tick 5.
#[test]
fn the_newest_buckets_are_as_many_as_are_asked_for_and_hold_enough_calls() {
    let words: Vec<_> =
        (0..TimeRing::words_for(6, Classes::ByOutcome)).map(|_| AtomicU64::new(0)).collect();
    let newest = AtomicU64::new(0);
    let ring = TimeRing::new(&words, &newest, past(), 6, WIDTH, Classes::ByOutcome);
    ring.restart(NOW, at(0));
    for tick in 0..6 {
        for _ in 0..=tick {
            ring.record(NOW, SUCCEEDED, at(tick));
        }
    }
    let cases = [
        (5, 1, 0, 6 + 5, "one, and what has begun"),
        (5, 2, 0, 6 + 5 + 4, "two"),
        (5, 1, 11, 6 + 5, "one that holds enough"),
        (5, 1, 12, 6 + 5 + 4, "two where one holds too few"),
        (5, 5, 21, 21, "all"),
        (5, 1, 22, 21, "all hold too few"),
        (5, 6, 0, 21, "all are too few"),
        (6, 1, 0, 6, "one, and nothing has begun"),
        (7, 1, 0, 6, "none in the last, and so the one before"),
        (7, 1, 7, 6 + 5, "two where that holds too few"),
        (11, 1, 0, 0, "all are gone"),
    ];
    for (tick, buckets, calls, expected, what) in cases {
        let counts = ring.recent(NOW, Enough { buckets, calls }, at(tick));
        assert_eq!(counts.calls, expected, "{what}");
    }
    assert_eq!(ring.recent(OLD, Enough { buckets: 1, calls: 0 }, at(5)).calls, 0, "another epoch");
}

#[test]
fn a_success_stays_counted_wherever_its_bucket_is() {
    let (words, newest, past) = (words(), AtomicU64::new(0), Past::new());
    let ring = ring_with(&words, &newest, &past);
    ring.restart(NOW, at(0));
    let mut recorded = 0;
    // From bucket to bucket, over gaps shorter and longer than the window, and into the past.
    for tick in [0, 0, 1, 2, 3, 2, 5, 9, 9, 10, 80_000, 79_999, 80_003] {
        if !ring.count_success(NOW, Timestamp::NEVER, &|| at(tick)) {
            ring.record(NOW, SUCCEEDED, at(tick));
        }
        ring.record(NOW, FAILED, at(tick));
        recorded += 1;

        assert_eq!(past.with(|| ring.successes(NOW)), recorded, "tick {tick}");
    }
    assert_eq!(ring.successes(OLD), 0);

    past.add(ring.finish(NOW, OLD));
    ring.restart(OLD, at(80_003));

    assert_eq!(past.with(|| ring.successes(OLD)), recorded);
}

#[test]
fn the_end_of_an_epoch_takes_the_successes_out_of_all_words() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    ring.restart(NOW, at(5));
    for tick in [5, 6, 6, 7] {
        ring.record(NOW, SUCCEEDED, at(tick));
        ring.record(NOW, FAILED, at(tick));
    }
    let seen = newest.load(Ordering::Relaxed);

    assert_eq!(ring.finish(NOW, Tag::of(8)), 4);

    // A thread that looked for the newest bucket before.
    newest.store(seen, Ordering::Relaxed);
    assert_eq!(ring.record(NOW, SUCCEEDED, at(7)), Recorded::Stale);
    assert!(!ring.count_success(NOW, Timestamp::NEVER, &|| at(7)));
    assert_eq!(ring.successes(NOW), 0);
    assert_eq!(ring.finish(NOW, Tag::of(8)), 0, "once");
}

#[test]
fn a_full_word_loses_no_success() {
    let (words, newest, past) = (words(), AtomicU64::new(0), Past::new());
    let ring = ring_with(&words, &newest, &past);
    ring.restart(NOW, at(0));
    words.first().unwrap().store(fresh(NOW, 0) | (COUNT - 1), Ordering::Relaxed);
    let all = || past.with(|| ring.successes(NOW));

    for more in 0..3 {
        assert_eq!(all(), COUNT - 1 + more);
        assert!(matches!(
            ring.record(NOW, SUCCEEDED, at(0)),
            Recorded::InTime { is_counted: true, .. }
        ));
    }
    ring.record(NOW, FAILED, at(50));

    assert_eq!(all(), COUNT + 2);
}

#[test]
fn words_of_another_epoch_are_wiped_without_being_counted() {
    let (words, newest, past) = (words(), AtomicU64::new(0), Past::new());
    let ring = ring_with(&words, &newest, &past);
    ring.restart(NOW, at(0));
    words.get(2).unwrap().store(fresh(OLD, 1) | 7, Ordering::Relaxed);

    ring.record(NOW, SUCCEEDED, at(1));

    assert_eq!(past.with(|| ring.successes(NOW)), 1);
}

#[test]
fn successes_on_their_way_out_of_a_word_are_still_shown() {
    let (words, newest, past) = (words(), AtomicU64::new(0), Past::new());
    let ring = ring_with(&words, &newest, &past);
    ring.restart(NOW, at(0));
    let shown = || past.with(|| ring.successes(NOW));
    for _ in 0..5 {
        ring.record(NOW, SUCCEEDED, at(0));
    }
    assert_eq!(shown(), 5);

    // Another thread has wiped the bucket, and not added yet what it held.
    words.first().unwrap().store(fresh(NOW, 3), Ordering::Relaxed);
    assert_eq!(shown(), 5);
    ring.record(NOW, SUCCEEDED, at(2));
    assert_eq!(shown(), 5);

    past.add(5);
    assert_eq!(shown(), 6, "and then it is exact");
}
