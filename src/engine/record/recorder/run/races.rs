//! Race models of runs that are to last; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::record::recorder::run::{Run, end};
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, Ordering};

const TAG: Tag = Tag::of(1);

/// A run that is to last for ten.
struct RunWords {
    length: AtomicU64,
    began: AtomicU64,
    lasting: AtomicU64,
}

impl RunWords {
    fn new() -> Arc<Self> {
        let length = AtomicU64::new(TAG.mark(0));
        Arc::new(Self { length, began: AtomicU64::new(0), lasting: AtomicU64::new(10) })
    }

    /// A failure at this time; whether the run is two long by that, and has lasted.
    fn fail(&self, at: u64) -> bool {
        let run = Run { length: &self.length, began: &self.began, lasting: &self.lasting };
        run.lengthen(TAG, 2, || Timestamp::from_nanos(at)) == Some(true)
    }

    fn length(&self) -> u64 {
        Tag::strip(self.length.load(Ordering::Relaxed))
    }

    fn succeed(&self) {
        end(&self.length, TAG);
    }
}

/// A failure of long ago stands still between noting its time and counting itself, while the run ends
/// and another begins: the old time does not count for the new run.
#[test]
fn a_run_is_not_older_than_its_first_failure() {
    explore(Depth::Three, 50, &["old-beginning"], || {
        let words = RunWords::new();
        let (a, b) = (Arc::clone(&words), Arc::clone(&words));
        let (old, (has_lasted, length)) = race(
            move || a.fail(100),
            move || {
                b.fail(100);
                b.succeed();
                b.fail(105);
                (b.fail(110), b.length())
            },
        );
        assert!(!old, "nothing that ended at 100 has lasted");
        // Where the old failure counts in the new run, that is three long, and began with it.
        assert!(!has_lasted || length == 3, "a run of {length} from 105 to 110 has not lasted");
    });
}

/// Of three failures that are far enough apart, one sees that the run has lasted.
#[test]
fn a_run_that_has_lasted_is_seen() {
    explore(Depth::Three, 50, &["torn-exchange"], || {
        let words = RunWords::new();
        words.fail(100);
        let (a, b, c) = (Arc::clone(&words), Arc::clone(&words), Arc::clone(&words));
        let seen = race_of_three(move || a.fail(110), move || b.fail(110), move || c.fail(110));
        assert!(seen.0 && seen.1 && seen.2);
        assert_eq!(words.length(), 4);
    });
}
