//! Race models of windows over a span of time.

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::outcome::Recorded;
use crate::engine::state::Tag;
use crate::engine::stripes::Stripes;
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;
use crate::engine::window::races::{FAILED, NEW, OLD, PASSED, at, counts, is_taken};
use crate::engine::window::successes::Successes;
use crate::engine::window::time::{Classes, TimeRing};
use crate::sync::{Arc, AtomicU64};

mod stripes;

struct Time {
    words: Box<[AtomicU64]>,
    newest: AtomicU64,
    first: AtomicU64,
    stripes: Stripes,
    buckets: u32,
}

impl Time {
    fn new(buckets: u32) -> Arc<Self> {
        Self::with(Stripes::new(), buckets)
    }

    fn with(stripes: Stripes, buckets: u32) -> Arc<Self> {
        let words = TimeRing::words_for(buckets, Classes::ByOutcome);
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        let (newest, first) = (AtomicU64::new(0), AtomicU64::new(0));
        let time = Self { words, newest, first, stripes, buckets };
        time.ring().restart(OLD, at(0));
        Arc::new(time)
    }

    fn ring(&self) -> TimeRing<'_> {
        let successes = Successes::new(&self.first, &self.stripes);
        TimeRing::new(&self.words, &self.newest, successes, self.buckets, 1, Classes::ByOutcome)
    }

    /// Records a success as a circuit does: by the short path, where it is enough.
    fn pass(&self, tag: Tag, now: Timestamp) -> Recorded<Option<WindowCounts>> {
        if self.ring().count_success(tag, Timestamp::NEVER, &|| now) {
            return Recorded::InTime { follows: None, is_counted: true };
        }
        self.ring().record(tag, PASSED, now)
    }

    /// As a circuit does when an epoch ends; returns how many successes the old one had.
    fn begin(&self, tag: Tag, now: Timestamp) -> u64 {
        let counted = self.ring().finish(OLD, tag);
        self.ring().restart(tag, now);
        counted
    }
}

/// L7: nothing lost or doubled over bucket turn-overs, nor over gaps of any length.
#[test]
fn time_window_records_over_a_turn_over() {
    for gap in [1, 2, 3, 70_000, 1_000_001] {
        explore(Depth::Three, 50, &["torn-exchange"], move || {
            let window = Time::new(2);
            window.ring().record(OLD, FAILED, at(0));
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            race(
                move || a.ring().record(OLD, FAILED, at(gap)),
                move || {
                    b.pass(OLD, at(gap + 1));
                },
            );
            assert_eq!(window.ring().counts(OLD, at(gap + 1)), counts(2, 1), "gap {gap}");
            let seen = window.ring().counts(OLD, at(gap + 2));
            assert!(seen == counts(1, 0) || seen == counts(2, 1), "gap {gap}: {seen:?}");
            assert_eq!(window.ring().counts(OLD, at(gap + 3)), counts(0, 0), "gap {gap}");
        });
    }
}

/// I1: no success is lost or doubled where buckets are wiped, one after the other or after a gap.
#[test]
fn time_window_keeps_its_successes_over_a_turn_over() {
    for (buckets, gap) in [(1, 1), (2, 1), (2, 2), (2, 70_000)] {
        explore(Depth::Three, 50, &["torn-exchange"], move || {
            let window = Time::new(buckets);
            window.pass(OLD, at(0));
            window.pass(OLD, at(0));
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            let (a, b) = race(move || a.pass(OLD, at(gap)), move || b.pass(OLD, at(gap + 1)));
            let taken = is_taken(&a) + is_taken(&b);
            assert_eq!(window.ring().succeeded(OLD), 2 + taken, "{buckets} buckets, gap {gap}");
        });
    }
}

/// I1: every success of the epoch that was taken is counted when the epoch ends, and no other.
#[test]
fn time_window_ends_its_epoch_while_it_is_recorded() {
    for (gap, depth, bugs) in [
        (0, Depth::Every, &["left-in-word", "torn-exchange"][..]),
        (1, Depth::Three, &["left-in-word"]),
        (2, Depth::Three, &["left-in-word"]),
    ] {
        explore(depth, 20, bugs, move || {
            let window = Time::new(1);
            window.pass(OLD, at(0));
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            let (late, counted) = race(move || a.pass(OLD, at(gap)), move || b.begin(NEW, at(gap)));
            assert_eq!(counted, 1 + is_taken(&late), "gap {gap}");
            assert_eq!(window.pass(OLD, at(gap)), Recorded::Stale);
            assert_eq!(window.ring().succeeded(NEW), 0);
        });
    }
}

/// What the window counts of successes only grows while time stands still, and a failure is never seen
/// without a success that came before it: no rate that never was.
#[test]
fn time_window_shows_no_failure_without_the_success_before_it() {
    explore(Depth::Every, 20, &["failures-first"], || {
        let window = Time::new(2);
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (_, (first, second)) = race(
            move || {
                a.pass(OLD, at(0));
                a.ring().record(OLD, FAILED, at(0))
            },
            move || (b.ring().counts(OLD, at(0)), b.ring().counts(OLD, at(0))),
        );
        for seen in [first, second] {
            assert!([counts(0, 0), counts(1, 0), counts(2, 1)].contains(&seen), "{seen:?}");
        }
        assert!(first.calls <= second.calls, "{first:?}, then {second:?}");
    });
}

/// A success that ends while time goes on is one of the bucket before or of the one after, and stays
/// there, whichever thread has noted where that one begins.
#[test]
fn time_window_notes_once_where_a_bucket_begins() {
    explore(Depth::Three, 50, &["begun-twice"], || {
        let window = Time::new(2);
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (_, seen) = race(
            move || {
                a.pass(OLD, at(0));
                a.ring().record(OLD, FAILED, at(1))
            },
            move || {
                b.ring().record(OLD, FAILED, at(1));
                b.ring().counts(OLD, at(2))
            },
        );
        // Of the newest bucket alone: what it was when it was seen, it still is, but for what came.
        let now = window.ring().counts(OLD, at(2));
        let passed = |counts: WindowCounts| counts.calls - counts.failures;
        assert!(passed(seen) <= passed(now), "{seen:?}, then {now:?}");
        assert_eq!(window.ring().counts(OLD, at(1)), counts(3, 2));
    });
}

/// A thread that was held up counts in its own bucket, or in the newest once that is over.
#[test]
fn time_window_records_of_the_past() {
    let torn = &["torn-exchange"];
    for (gap, bugs) in [(1, &[][..]), (2, torn), (70_000, torn)] {
        explore(Depth::Every, 2, bugs, move || {
            let window = Time::new(2);
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            race(move || a.ring().record(OLD, FAILED, at(0)), move || b.pass(OLD, at(gap)));
            let seen = window.ring().counts(OLD, at(gap));
            let is_over = gap > 1 && seen == counts(1, 0);
            assert!(is_over || seen == counts(2, 1), "gap {gap}: {seen:?}");
        });
    }
}

/// L4, L7: nothing of an old epoch shows in the next, whatever is late.
#[test]
fn time_window_records_while_it_restarts() {
    for (buckets, tick) in [(1, 0), (2, 0), (2, 1), (2, 5)] {
        explore(Depth::Three, 1000, &["old-result", "old-cursor"], move || {
            let window = Time::new(buckets);
            window.ring().record(OLD, FAILED, at(0));
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            race(
                move || a.ring().record(OLD, FAILED, at(tick + 1)),
                move || {
                    b.ring().restart(NEW, at(tick));
                    b.pass(NEW, at(tick + 1));
                },
            );
            assert_eq!(window.ring().counts(NEW, at(tick + 1)), counts(1, 0), "tick {tick}");
            assert_eq!(window.ring().counts(OLD, at(tick + 1)), counts(0, 0));
        });
    }
}

/// L8: a reader sees all of an epoch or nothing.
#[test]
fn time_window_is_read_while_it_restarts() {
    explore(Depth::Every, 20, &["old-counts"], || {
        let window = Time::new(2);
        window.pass(OLD, at(0));
        window.ring().record(OLD, FAILED, at(1));
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let ((), seen) =
            race(move || a.ring().restart(NEW, at(1)), move || b.ring().counts(OLD, at(1)));
        assert!([counts(2, 1), counts(0, 0)].contains(&seen), "{seen:?}");
    });
}

/// L8: a bucket is seen whole or not at all: no rate that never was.
#[test]
fn time_window_never_shows_half_a_bucket() {
    explore(Depth::Every, 20, &["half-bucket"], || {
        let window = Time::new(2);
        for call in [PASSED, PASSED, PASSED, FAILED] {
            window.ring().record(OLD, call, at(0));
        }
        window.pass(OLD, at(1));
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (_, seen) = race(move || a.pass(OLD, at(2)), move || b.ring().counts(OLD, at(1)));
        let allowed = [counts(5, 1), counts(1, 0), counts(2, 0)];
        assert!(allowed.contains(&seen), "{seen:?}");
    });
}

/// The first results after an idle gap, on both sides of a tick: the bucket of the later tick
/// is there for the results that come next.
#[test]
fn time_window_keeps_the_newest_bucket_after_a_gap() {
    for (buckets, gap) in [(1, 1), (1, 7), (2, 2), (2, 3), (2, 70_000)] {
        let depth = if buckets == 1 { Depth::Every } else { Depth::Three };

        explore(depth, 1000, &["taken-back"], move || {
            let window = Time::new(buckets);
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            race(move || a.pass(OLD, at(gap)), move || b.ring().record(OLD, FAILED, at(gap + 1)));
            window.pass(OLD, at(gap + 1));
            let first = u64::from(buckets > 1);
            let seen = window.ring().counts(OLD, at(gap + 1));
            // The first actor's result is in the newest bucket, too, when it was held up.
            let expected = [counts(2 + first, 1), counts(3, 1)];
            assert!(expected.contains(&seen), "{buckets} buckets, gap {gap}: {seen:?}");
        });
    }
}

/// L8: what a reader sees was so at one moment.
#[test]
fn time_window_is_read_while_time_goes_on() {
    explore(Depth::Every, 20, &["half-bucket"], || {
        let window = Time::new(2);
        for (call, tick) in [(PASSED, 0), (FAILED, 0), (FAILED, 1)] {
            window.ring().record(OLD, call, at(tick));
        }
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (_, seen) = race(move || a.pass(OLD, at(3)), move || b.ring().counts(OLD, at(1)));
        // After the turn, the result that caused it may not be counted yet.
        let allowed = [counts(3, 2), counts(1, 1), counts(0, 0), counts(1, 0)];
        assert!(allowed.contains(&seen), "{seen:?}");
    });
}

/// The same while two record, on both sides of a tick.
#[test]
fn time_window_is_read_while_two_record() {
    explore(Depth::Three, 50, &["torn-exchange"], || {
        let window = Time::new(1);
        window.ring().record(OLD, FAILED, at(0));
        let (a, b, c) = (Arc::clone(&window), Arc::clone(&window), Arc::clone(&window));
        let (_, _, seen) = race_of_three(
            move || a.ring().record(OLD, FAILED, at(1)),
            move || b.ring().record(OLD, FAILED, at(0)),
            move || c.ring().counts(OLD, at(0)),
        );
        assert!(seen.failures == seen.calls && seen.calls <= 2, "{seen:?}");
        let seen = window.ring().counts(OLD, at(1));
        assert!(seen == counts(2, 2) || seen == counts(1, 1), "{seen:?}");
    });
}
