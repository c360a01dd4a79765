//! Race models of the totals; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race};
use crate::engine::record::totals::{Counter, Tally};
use crate::sync::Arc;

/// With stripes, of which loom has seen the beginning: they are made by a `OnceLock`, which is
/// std's. All threads of a model have the same one.
fn striped() -> Arc<Tally> {
    let tally = Tally::new();
    tally.add(Counter::Successes);
    tally.stripes.get_or_init(Box::default);
    Arc::new(tally)
}

/// Two calls of one stripe end at once: both are counted, beside those from before the stripes.
#[test]
fn two_successes_in_one_stripe() {
    explore(Depth::Every, 2, &["torn-count"], || {
        let tally = striped();
        let (a, b) = (Arc::clone(&tally), Arc::clone(&tally));
        race(move || a.add(Counter::Successes), move || b.add(Counter::Successes));
        assert_eq!(tally.totals(0, 0, 0).successes, 3);
    });
}

/// What a reader sees never goes back.
#[test]
fn a_reader_while_rejections_are_counted() {
    explore(Depth::Every, 2, &[], || {
        let tally = striped();
        let (a, b) = (Arc::clone(&tally), Arc::clone(&tally));
        let ((), seen) = race(
            move || {
                a.add(Counter::Rejected);
                a.add(Counter::Rejected);
            },
            move || [b.rejected(), b.rejected()],
        );
        assert!(seen.is_sorted() && seen[1] <= 2, "{seen:?}");
        assert_eq!(tally.rejected(), 2);
    });
}
