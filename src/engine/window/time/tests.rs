//! Buckets as another thread may leave them, and stamps that wrap.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "these are tests")]

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::stripes::{LOOKED_AT, Stripes};
use crate::engine::time::Timestamp;
use crate::engine::window::counts::{Enough, WindowCounts};
use crate::engine::window::successes::Successes;
use crate::engine::window::time::TimeRing;
use crate::engine::window::time::words::{COUNT, Classes, FULL, fresh};
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
    ring_with(words, newest, Successes::new(counter(0), no_stripes()))
}

fn ring_with<'a>(
    words: &'a [AtomicU64],
    newest: &'a AtomicU64,
    successes: Successes<'a>,
) -> TimeRing<'a> {
    TimeRing::new(words, newest, successes, 3, WIDTH, Classes::ByOutcome)
}

/// One that no other ring counts in.
fn counter(word: u64) -> &'static AtomicU64 {
    Box::leak(Box::new(AtomicU64::new(word)))
}

fn no_stripes() -> &'static Stripes {
    Box::leak(Box::new(Stripes::new()))
}

fn at(tick: u64) -> Timestamp {
    Timestamp::from_nanos(tick * WIDTH)
}

#[test]
fn a_word_is_wiped_where_another_thread_did_it_for_this_tick_or_a_later_one() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    let cases = [
        (2, 2, 5, false, "what it held, up to the newest"),
        (2, 5, 5, true, "this tick itself"),
        (2, 65_538, 65_538, true, "this tick itself, where the bucket held another"),
        (2, 2, 196_610, false, "what it held, whose stamp is that of this tick"),
        (2, 8, 5, true, "the tick one lap later"),
        (2, 4, 7, false, "an earlier tick of the same gap"),
        (2, 10, 7, true, "a later tick of the same gap"),
        (0, 4, 1, true, "a later tick, where the bucket held none yet"),
        (65_534, 65_540, 65_537, true, "a later tick beyond a wrap of the stamps"),
        (2, 2, 60_002, false, "what it held, so long ago that it looks like a later tick"),
        (65_538, 65_538, 125_538, false, "the same, beyond a wrap of the stamps"),
    ];
    for (newest, held, tick, expected, what) in cases {
        assert_eq!(ring.is_wiped(newest, fresh(NOW, held), tick), expected, "{what}");
    }
}

#[test]
fn a_word_of_an_old_epoch_is_wiped_whatever_tick_it_is_of() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let narrow = ring(&words, &newest);
    narrow.restart(OLD, at(7));
    narrow.record(OLD, FAILED, at(8));
    let wide = TimeRing::new(&words, &newest, narrow.successes, 3, WIDTH * 8, Classes::ByOutcome);
    wide.restart(NOW, at(7));

    let recorded = wide.record(NOW, FAILED, at(8));

    let counts = WindowCounts { calls: 1, failures: 1, slow_calls: 0 };
    assert_eq!(recorded, Recorded::InTime { follows: Some(counts), is_counted: false });
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

    // Seven before, and none of those in the ring.
    words.first().unwrap().store(fresh(NOW, 3) | 7, Ordering::Relaxed);

    let counts = WindowCounts { calls: 4, failures: 2, slow_calls: 0 };
    assert_eq!(ring.counts(NOW, at(2)), counts);
}

#[test]
fn a_ring_in_the_middle_of_a_change_of_shape_gives_up_instead_of_waiting() {
    let (words, newest) = (words(), AtomicU64::new(0));
    ring(&words, &newest).restart(NOW, at(5));

    let torn = TimeRing::new(
        &words,
        &newest,
        ring(&words, &newest).successes,
        2,
        WIDTH,
        Classes::ByOutcome,
    );

    assert_eq!(torn.record(NOW, FAILED, at(5)), Recorded::Stale);
}

/// A call in tick 0, two in tick 1, and so on up to six in tick 5.
#[test]
fn the_newest_buckets_are_as_many_as_are_asked_for_and_hold_enough_calls() {
    let words: Vec<_> =
        (0..TimeRing::words_for(6, Classes::ByOutcome)).map(|_| AtomicU64::new(0)).collect();
    let newest = AtomicU64::new(0);
    let ring = TimeRing::new(
        &words,
        &newest,
        ring(&words, &newest).successes,
        6,
        WIDTH,
        Classes::ByOutcome,
    );
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
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    ring.restart(NOW, at(0));
    let mut recorded = 0;
    // From bucket to bucket, over gaps shorter and longer than the window, and into the past.
    for tick in [0, 0, 1, 2, 3, 2, 5, 9, 9, 10, 80_000, 79_999, 80_003] {
        if !ring.count_success(NOW, Timestamp::NEVER, &|| at(tick)) {
            ring.record(NOW, SUCCEEDED, at(tick));
        }
        ring.record(NOW, FAILED, at(tick));
        recorded += 1;

        assert_eq!(ring.succeeded(NOW), recorded, "tick {tick}");
    }
    assert_eq!(ring.succeeded(OLD), 0);

    assert_eq!(ring.finish(NOW, OLD), recorded);
    ring.restart(OLD, at(80_003));

    assert_eq!(ring.succeeded(OLD), 0);
}

#[test]
fn the_end_of_an_epoch_takes_its_successes_and_lets_none_follow() {
    for stripes in [no_stripes(), made()] {
        let (words, newest) = (words(), AtomicU64::new(0));
        let ring = ring_with(&words, &newest, Successes::new(counter(0), stripes));
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
        assert_eq!(ring.succeeded(NOW), 0);
        assert_eq!(ring.finish(NOW, Tag::of(8)), 0, "once");
    }
}

fn made() -> &'static Stripes {
    let stripes = no_stripes();
    stripes.make();
    stripes
}

/// Full for the window; whoever records it is told to count it elsewhere.
#[test]
fn a_bucket_takes_no_more_successes_than_its_word_can_tell() {
    let (words, newest, counted) = (words(), AtomicU64::new(0), counter(0));
    let ring = ring_with(&words, &newest, Successes::new(counted, no_stripes()));
    ring.restart(NOW, at(0));
    ring.record(NOW, SUCCEEDED, at(0));
    counted.store(NOW.mark(FULL + LOOKED_AT - 2), Ordering::Relaxed);
    let (taken, left) = (
        Recorded::InTime { follows: None, is_counted: true },
        Recorded::InTime { follows: None, is_counted: false },
    );

    while ring.record(NOW, SUCCEEDED, at(0)) == taken {}
    for _ in 0..3 {
        assert!(!ring.count_success(NOW, Timestamp::NEVER, &|| at(0)));
        assert_eq!(ring.record(NOW, SUCCEEDED, at(0)), left);
    }
    let most = ring.counts(NOW, at(0)).calls;
    assert!((FULL..COUNT).contains(&most), "{most:#x}");

    assert_eq!(ring.record(NOW, SUCCEEDED, at(1)), taken, "the next bucket has room");
    assert_eq!(ring.counts(NOW, at(1)).calls, most + 1);
    assert_eq!(ring.counts(NOW, at(3)).calls, 1, "and that one leaves as others do");
}

#[test]
fn a_number_of_successes_does_not_carry_into_the_tag() {
    let (words, newest, counted) = (words(), AtomicU64::new(0), counter(0));
    let ring = ring_with(&words, &newest, Successes::new(counted, no_stripes()));
    ring.restart(NOW, at(0));
    counted.store(NOW.mark((1 << 48) - LOOKED_AT - 1), Ordering::Relaxed);

    let left = Recorded::InTime { follows: None, is_counted: false };
    assert_eq!(ring.record(NOW, SUCCEEDED, at(5)), left);
    assert_eq!(ring.succeeded(NOW), (1 << 48) - LOOKED_AT - 1);
}

#[test]
fn words_of_another_epoch_are_wiped_without_being_counted() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    ring.restart(NOW, at(0));
    words.get(2).unwrap().store(fresh(OLD, 1) | 7, Ordering::Relaxed);
    words.get(3).unwrap().store(fresh(OLD, 1) | 7, Ordering::Relaxed);

    ring.record(NOW, SUCCEEDED, at(1));

    assert_eq!(ring.counts(NOW, at(1)), WindowCounts { calls: 1, failures: 0, slow_calls: 0 });
}

/// A bucket of 3 may come back to the same stamp only after 3 × 65,536 ticks.
#[test]
fn a_bucket_whose_stamp_has_come_round_is_wiped() {
    let (words, newest) = (words(), AtomicU64::new(0));
    let ring = ring(&words, &newest);
    ring.restart(NOW, at(0));
    for call in [SUCCEEDED, SUCCEEDED, FAILED] {
        ring.record(NOW, call, at(0));
    }

    ring.record(NOW, SUCCEEDED, at(3 << 16));

    let counts = WindowCounts { calls: 1, failures: 0, slow_calls: 0 };
    assert_eq!(ring.counts(NOW, at(3 << 16)), counts);
}

#[test]
fn successes_in_a_stripe_count_in_the_bucket_in_which_they_are_added() {
    let (words, newest, first, stripes) = (words(), AtomicU64::new(0), counter(0), no_stripes());
    let successes = Successes::new(first, stripes);
    let ring = ring_with(&words, &newest, successes);
    ring.restart(NOW, at(0));
    let pass = |tick| {
        ring.count_success(NOW, Timestamp::NEVER, &|| at(tick))
            || ring.record(NOW, SUCCEEDED, at(tick)) != Recorded::Stale
    };
    assert!(pass(0));
    stripes.make();
    assert!(pass(0));
    assert_eq!(first.load(Ordering::Relaxed), NOW.mark(2), "stripes that nobody has put to use");

    successes.use_stripes(NOW);
    for tick in [0, 1, 1, 2] {
        assert!(pass(tick));
    }
    successes.use_stripes(NOW);

    assert_eq!(first.load(Ordering::Relaxed), NOW.mark(2));
    for (tick, calls) in [(2, 6), (3, 3), (4, 1), (5, 0)] {
        assert_eq!(ring.counts(NOW, at(tick)).calls, calls, "tick {tick}");
    }
    ring.record(NOW, FAILED, at(4));
    assert_eq!(ring.counts(NOW, at(4)), WindowCounts { calls: 2, failures: 1, slow_calls: 0 });
    assert_eq!(ring.finish(NOW, OLD), 6);
    ring.restart(OLD, at(4));
    assert_eq!(ring.counts(OLD, at(4)), WindowCounts::default());
}

#[test]
fn threads_are_looked_at_once_in_a_thousand_successes_and_not_where_they_have_stripes() {
    let (words, newest, stripes) = (words(), AtomicU64::new(0), no_stripes());
    let successes = Successes::new(counter(0), stripes);
    let ring = ring_with(&words, &newest, successes);
    ring.restart(NOW, at(0));
    for count in 0..2 * LOOKED_AT {
        let is_due = count % LOOKED_AT == LOOKED_AT - 1;
        assert_eq!(successes.are_looked_at(NOW), is_due, "after {count}");
        assert_ne!(ring.count_success(NOW, Timestamp::NEVER, &|| at(0)), is_due, "after {count}");
        if is_due {
            ring.record(NOW, SUCCEEDED, at(0));
        }
    }

    successes.use_stripes(NOW);

    for count in 0..2 * LOOKED_AT {
        assert!(!successes.are_looked_at(NOW), "after {count}");
        ring.record(NOW, SUCCEEDED, at(0));
    }
    assert_eq!(ring.counts(NOW, at(0)).calls, 4 * LOOKED_AT);
}
