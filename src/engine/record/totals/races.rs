//! Race models of the totals; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race};
use crate::engine::record::totals::{FrequentCounter, Tally};
use crate::engine::stripes::Stripes;
use crate::sync::Arc;

/// With stripes, of which loom has seen the beginning: they are made by a `OnceLock`, which is
/// std's. All threads of a model have the same one.
fn striped() -> Arc<(Tally, Stripes)> {
    let (tally, stripes) = (Tally::new(), Stripes::new());
    tally.add_frequent(FrequentCounter::Successes, &stripes);
    stripes.make();
    Arc::new((tally, stripes))
}

fn add(counted: &(Tally, Stripes), counter: FrequentCounter) {
    counted.0.add_frequent(counter, &counted.1);
}

/// Two calls of one stripe end at once: both are counted, beside those from before the stripes.
#[test]
fn two_successes_in_one_stripe() {
    explore(Depth::Every, 2, &["torn-count"], || {
        let counted = striped();
        let (a, b) = (Arc::clone(&counted), Arc::clone(&counted));
        let success = FrequentCounter::Successes;
        race(move || add(&a, success), move || add(&b, success));
        assert_eq!(counted.0.totals(&counted.1, 0, 0, 0).successes, 3);
    });
}

/// What a reader sees never goes back.
#[test]
fn a_reader_while_rejections_are_counted() {
    explore(Depth::Every, 2, &[], || {
        let counted = striped();
        let (a, b) = (Arc::clone(&counted), Arc::clone(&counted));
        let ((), seen) = race(
            move || {
                add(&a, FrequentCounter::Rejected);
                add(&a, FrequentCounter::Rejected);
            },
            move || [b.0.rejected(&b.1), b.0.rejected(&b.1)],
        );
        assert!(seen.is_sorted() && seen[1] <= 2, "{seen:?}");
        assert_eq!(counted.0.rejected(&counted.1), 2);
    });
}
