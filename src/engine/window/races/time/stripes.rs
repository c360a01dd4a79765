//! Race models of a time window whose successes are counted in stripes.
//!
//! All threads of a model have the same stripe; the word for threads without one stands for another.

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::stripes::Stripes;
use crate::engine::time::Timestamp;
use crate::engine::window::races::time::Time;
use crate::engine::window::races::{FAILED, NEW, OLD, PASSED, at, counts, is_taken};
use crate::engine::window::successes::Successes;
use crate::engine::window::time::{Classes, TimeRing};
use crate::sync::Arc;

/// With stripes in use. Loom does not see them made: that is done by a `OnceLock`, which is std's.
fn striped(buckets: u32) -> Arc<Time> {
    let stripes = Stripes::new();
    stripes.make();
    Time::with(stripes, buckets)
}

/// A success of a thread without a stripe.
fn pass_without(window: &Time, at: Timestamp) -> u64 {
    let none = Stripes::new();
    let successes = Successes::new(&window.first, &none);
    let (words, newest) = (&window.words, &window.newest);
    let ring = TimeRing::new(words, newest, successes, window.buckets, 1, Classes::ByOutcome);
    is_taken(&ring.record(OLD, PASSED, at))
}

/// Rules 1 and 3: a failure is held against every success that ended before it, in whichever word.
#[test]
fn striped_window_judges_a_failure_by_all_words() {
    explore(Depth::Every, 20, &["failures-first"], || {
        let window = striped(1);
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (_, seen) = race(
            move || {
                a.pass(OLD, at(0));
                pass_without(&a, at(0));
                a.ring().record(OLD, FAILED, at(0))
            },
            move || b.ring().counts(OLD, at(0)),
        );
        let allowed = [counts(0, 0), counts(1, 0), counts(2, 0), counts(3, 1)];
        assert!(allowed.contains(&seen), "{seen:?}");
    });
}

/// I1: two threads of one stripe, and one without, lose nothing.
#[test]
fn striped_window_counts_every_success_once() {
    explore(Depth::Three, 50, &["torn-exchange"], || {
        let window = striped(2);
        let (a, b, c) = (Arc::clone(&window), Arc::clone(&window), Arc::clone(&window));
        race_of_three(
            move || a.pass(OLD, at(0)),
            move || b.pass(OLD, at(0)),
            move || pass_without(&c, at(0)),
        );
        assert_eq!(window.ring().counts(OLD, at(0)), counts(3, 0));
        assert_eq!(window.ring().succeeded(OLD), 3);
    });
}

/// L7: nothing is lost, doubled or revived over turn-overs and gaps.
#[test]
fn striped_window_records_over_a_turn_over() {
    for gap in [1, 2, 70_000] {
        explore(Depth::Three, 50, &["torn-exchange"], move || {
            let window = striped(2);
            window.pass(OLD, at(0));
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            race(move || a.pass(OLD, at(gap)), move || b.ring().record(OLD, FAILED, at(gap + 1)));
            let seen = window.ring().counts(OLD, at(gap + 1));
            assert_eq!(seen, counts(2, 1), "gap {gap}");
            assert_eq!(window.ring().counts(OLD, at(gap + 3)), counts(0, 0), "gap {gap}");
            assert_eq!(window.ring().succeeded(OLD), 2);
        });
    }
}

/// L4, I1: a late success is of the epoch that ends, or stale, in a stripe as elsewhere.
#[test]
fn striped_window_ends_its_epoch_while_it_is_recorded() {
    explore(Depth::Three, 20, &["left-in-word", "torn-exchange"], || {
        let window = striped(1);
        window.pass(OLD, at(0));
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (late, counted) = race(move || a.pass(OLD, at(0)), move || b.begin(NEW, at(0)));
        assert_eq!(counted, 1 + is_taken(&late));
        assert_eq!(window.ring().counts(NEW, at(0)), counts(0, 0));
    });
}

/// Stripes are put to use while calls end: no call is lost between the word before and the stripe.
#[test]
fn striped_window_is_recorded_while_its_stripes_are_put_to_use() {
    explore(Depth::Every, 5, &["emptied-stripe"], || {
        let window = striped(1);
        // As they are made while the epoch lasts.
        for stripe in window.stripes.all() {
            stripe.in_window.swap(NEW.mark(0), crate::sync::Ordering::AcqRel);
        }
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        race(
            move || {
                a.pass(OLD, at(0));
                a.pass(OLD, at(0));
            },
            move || Successes::new(&b.first, &b.stripes).use_stripes(OLD),
        );
        assert_eq!(window.ring().counts(OLD, at(0)), counts(2, 0));
    });
}
