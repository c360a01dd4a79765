//! Race models of the windows; see `engine::explore`.

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::stripes::Stripes;
use crate::engine::time::Timestamp;
use crate::engine::window::Window;
use crate::engine::window::count::CountRing;
use crate::engine::window::counts::{SlowCalls, WindowCounts};
use crate::engine::window::span::{SlidingWindow, Span};
use crate::sync::{Arc, AtomicU64};

mod time;

const FAILED: EndedCall = EndedCall::FAILURE;
const PASSED: EndedCall = EndedCall::SUCCESS;
const OLD: Tag = Tag::of(1);
const NEW: Tag = Tag::of(2);
static NO_STRIPES: Stripes = Stripes::new();

struct Count {
    words: Box<[AtomicU64]>,
    head: AtomicU64,
    length: u32,
}

impl Count {
    fn new(length: u32) -> Arc<Self> {
        let words = (0..CountRing::words_for(length, SlowCalls::Ignored))
            .map(|_| AtomicU64::new(0))
            .collect();
        let count = Self { words, head: AtomicU64::new(0), length };
        count.ring().restart(OLD);
        Arc::new(count)
    }

    fn ring(&self) -> CountRing<'_> {
        CountRing::new(&self.words, &self.head, self.length, SlowCalls::Ignored)
    }

    /// Records a success as a circuit does: by the short path, where it is enough.
    fn pass(&self, tag: Tag) -> Recorded<Option<WindowCounts>> {
        if self.ring().count_success(tag) {
            return Recorded::InTime { follows: None, is_counted: true };
        }
        self.ring().record(tag, PASSED)
    }
}

fn counts(calls: u64, failures: u64) -> WindowCounts {
    WindowCounts { calls, failures, slow_calls: 0 }
}

/// L7: nothing lost or doubled over block turn-overs.
#[test]
fn count_window_records_over_a_turn_over() {
    explore(Depth::Every, 100, &["old-cursor", "torn-exchange", "unordered"], || {
        let window = Count::new(8);
        window.pass(OLD);
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        race(
            move || {
                a.ring().record(OLD, FAILED);
                a.ring().record(OLD, FAILED);
            },
            move || {
                b.pass(OLD);
            },
        );
        assert_eq!(window.ring().counts(OLD), counts(4, 2));
        for left in (0..8_u64).rev() {
            window.pass(OLD);
            let held = window.ring().counts(OLD);
            assert!(held.failures <= left.min(2), "{held:?}, {left} left");
        }
        assert_eq!(window.ring().counts(OLD), counts(8, 0));
    });
}

/// The same, in a ring that is full and wraps.
#[test]
fn count_window_records_while_the_ring_wraps() {
    explore(Depth::Every, 100, &["torn-exchange"], || {
        let window = Count::new(2);
        for _ in 0..7 {
            window.ring().record(OLD, FAILED);
        }
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        race(
            move || {
                a.pass(OLD);
                a.pass(OLD);
            },
            move || b.pass(OLD),
        );
        assert_eq!(window.ring().counts(OLD), counts(2, 0));
        assert_eq!(window.ring().successes(OLD), 3);
    });
}

/// Rules 1 and 2: a failure is judged by the window that it ends.
#[test]
fn count_window_judges_each_failure_by_its_own_window() {
    explore(Depth::Every, 30, &["later-window"], || {
        let window = Count::new(1);
        window.pass(OLD);
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let (judged, ()) = race(
            move || a.ring().record(OLD, FAILED),
            move || {
                b.pass(OLD);
            },
        );
        assert_eq!(judged, Recorded::InTime { follows: Some(counts(1, 1)), is_counted: true });
    });
}

/// L4, L7: nothing of an old epoch shows in the next, whatever is late.
#[test]
fn count_window_records_while_it_restarts() {
    explore(Depth::Three, 100, &["old-result", "old-cursor"], || {
        let window = Count::new(2);
        window.ring().record(OLD, FAILED);
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        race(
            move || {
                a.ring().record(OLD, FAILED);
                a.ring().record(OLD, FAILED);
            },
            move || {
                b.ring().restart(NEW);
                for _ in 0..3 {
                    b.pass(NEW);
                }
            },
        );
        assert_eq!(window.ring().counts(NEW), counts(2, 0));
        assert_eq!(window.ring().counts(OLD), counts(0, 0));
        window.ring().record(NEW, FAILED);
        assert_eq!(window.ring().counts(NEW), counts(2, 1));
    });
}

/// I1: every success of the epoch that was taken is counted when the epoch ends, and no other.
#[test]
fn count_window_ends_its_epoch_while_it_is_recorded() {
    for before in [0, 1, 2] {
        explore(Depth::Every, 50, &["torn-exchange"], move || {
            let window = Count::new(2);
            let taken = |window: &Count, results: u64| {
                let record = |_: &u64| window.pass(OLD);
                (0..results).filter(|it| record(it) != Recorded::Stale).count()
            };
            taken(&window, before);
            window.ring().record(OLD, FAILED);
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            let (late, counted) = race(move || taken(&a, 2), move || b.ring().finish(OLD, NEW));
            assert_eq!(counted, before + late as u64);
            assert_eq!(window.pass(OLD), Recorded::Stale);
        });
    }
}

/// L8: what a reader sees was so at one moment.
#[test]
fn count_window_is_read_while_it_turns_over() {
    explore(Depth::Three, 50, &["old-counts", "unordered"], || {
        let window = Count::new(2);
        for _ in 0..7 {
            window.ring().record(OLD, FAILED);
        }
        let (a, b) = (Arc::clone(&window), Arc::clone(&window));
        let ((), seen) = race(
            move || {
                for _ in 0..6 {
                    a.pass(OLD);
                }
            },
            move || b.ring().counts(OLD),
        );
        assert_eq!(seen.calls, 2, "{seen:?}");
        assert!(seen.failures <= 2, "{seen:?}");
    });
}

/// The same while two record.
#[test]
fn count_window_is_read_while_two_record() {
    explore(Depth::Three, 50, &["torn-exchange"], || {
        let window = Count::new(2);
        for _ in 0..7 {
            window.ring().record(OLD, FAILED);
        }
        let (a, b, c) = (Arc::clone(&window), Arc::clone(&window), Arc::clone(&window));
        let (_, _, seen) =
            race_of_three(move || a.pass(OLD), move || b.pass(OLD), move || c.ring().counts(OLD));
        let allowed = [counts(2, 2), counts(2, 1), counts(2, 0)];
        assert!(allowed.contains(&seen), "{seen:?}");
        assert_eq!(window.ring().counts(OLD), counts(2, 0));
    });
}

fn at(tick: u64) -> Timestamp {
    Timestamp::from_nanos(tick)
}

fn is_taken<T>(recorded: &Recorded<T>) -> u64 {
    u64::from(matches!(recorded, Recorded::InTime { .. }))
}

/// A reconfiguration gives the ring another shape in the same words, while one is recorded.
#[test]
fn a_window_changes_its_shape_while_it_is_recorded() {
    let time = SlidingWindow(Span::Time { length: Duration::from_nanos(2), buckets: 2 });
    let count = SlidingWindow(Span::Calls(2));
    let shapes = [(count, time, "old-result"), (time, count, "torn-exchange")];
    for ((from, to, bug), passes) in shapes.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        // The short path is followed by the long one.
        let depth = if passes { Depth::Three } else { Depth::Every };

        explore(depth, 50, &[bug], move || {
            let window = Window::new(Some(count), SlowCalls::Ignored);
            window.reshape(Some(from), SlowCalls::Ignored);
            window.restart(&NO_STRIPES, OLD, at(2));
            window.record(&NO_STRIPES, OLD, FAILED, || at(2));
            let window = Arc::new(window);
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            race(
                move || {
                    if !(passes
                        && a.count_success(&NO_STRIPES, OLD, Timestamp::NEVER, &|| at(3)).is_some())
                    {
                        a.record(&NO_STRIPES, OLD, FAILED, || at(3));
                    }
                },
                move || {
                    b.reshape(Some(to), SlowCalls::Ignored);
                    b.restart(&NO_STRIPES, NEW, at(3));
                    b.record(&NO_STRIPES, NEW, PASSED, || at(3));
                },
            );
            assert_eq!(window.counts(&NO_STRIPES, NEW, at(3)), counts(1, 0));
        });
    }
}

/// I1: and no success is lost or doubled by that.
#[test]
fn a_window_keeps_its_successes_while_it_changes_its_shape() {
    let time = |buckets: u32| {
        let length = Duration::from_nanos(buckets.into());
        SlidingWindow(Span::Time { length, buckets })
    };
    let count = SlidingWindow(Span::Calls(2));
    let shapes = [
        (count, time(2), "torn-exchange"),
        (time(2), count, "left-in-word"),
        (time(2), time(1), "left-in-word"),
    ];
    for (from, to, bug) in shapes {
        explore(Depth::Three, 50, &[bug], move || {
            let window = Window::new(Some(count), SlowCalls::Ignored);
            window.reshape(Some(from), SlowCalls::Ignored);
            window.restart(&NO_STRIPES, OLD, at(2));
            window.record(&NO_STRIPES, OLD, PASSED, || at(2));
            let window = Arc::new(window);
            let (a, b) = (Arc::clone(&window), Arc::clone(&window));
            let (late, ()) = race(
                move || {
                    if a.count_success(&NO_STRIPES, OLD, Timestamp::NEVER, &|| at(2)).is_some() {
                        return 1;
                    }
                    is_taken(&a.record(&NO_STRIPES, OLD, PASSED, || at(2)))
                },
                move || {
                    b.finish(&NO_STRIPES, OLD, NEW);
                    b.reshape(Some(to), SlowCalls::Ignored);
                    b.restart(&NO_STRIPES, NEW, at(3));
                    b.record(&NO_STRIPES, NEW, PASSED, || at(3));
                },
            );
            assert_eq!(window.successes(&NO_STRIPES, NEW), 2 + late);
        });
    }
}
