//! Race models of the calls in flight; see `engine::explore`. A call is stalled from one tick of 1
//! s on, and there are two slots.

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race};
use crate::engine::in_flight::calls::InFlight;
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

const OLD: Tag = Tag::of(1);
const NEW: Tag = Tag::of(2);

fn at(millis: u64) -> Timestamp {
    Timestamp::ZERO.after(Duration::from_millis(millis))
}

fn in_flight() -> Arc<InFlight> {
    let calls = InFlight::new();
    calls.configure(1_000_000_000);
    calls.restart(OLD, at(0));
    Arc::new(calls)
}

/// A call ends while others use its slot again and check for stalled calls: none is lost or
/// doubled.
#[test]
fn a_call_ends_while_its_slot_is_used_again() {
    explore(Depth::Every, 50, &["torn-exchange"], || {
        let calls = in_flight();
        calls.begin(OLD, at(500));
        calls.begin(OLD, at(600));
        let (a, b) = (Arc::clone(&calls), Arc::clone(&calls));
        race(
            move || a.end(OLD, at(500)),
            move || {
                b.check_stalled(OLD, at(2_500));
                b.begin(OLD, at(2_500));
            },
        );
        assert_eq!(calls.stalled(OLD, at(2_500)), 1);
        calls.end(OLD, at(600));
        assert_eq!(calls.stalled(OLD, at(2_500)), 0);
        assert_eq!(calls.stalled(OLD, at(9_500)), 1);
        calls.end(OLD, at(2_500));
        assert_eq!(calls.stalled(OLD, at(9_500)), 0);
    });
}

/// Two calls come in the same new tick: one of them makes the check, and neither loses the other.
#[test]
fn two_calls_look_in_one_tick() {
    explore(Depth::Every, 50, &["torn-exchange"], || {
        let calls = in_flight();
        calls.begin(OLD, at(500));
        let come = |calls: &InFlight| {
            let looked = calls.check_stalled(OLD, at(2_500));
            calls.begin(OLD, at(2_500));
            looked
        };
        let (a, b) = (Arc::clone(&calls), Arc::clone(&calls));
        let (a, b) = race(move || come(&a), move || come(&b));
        assert!(a.is_some() != b.is_some(), "one of them looks");
        assert!(a.or(b).is_some_and(|stalled| stalled <= 1), "neither of the new ones hangs");
        assert_eq!(calls.stalled(OLD, at(2_500)), 1);
        calls.end(OLD, at(2_500));
        calls.end(OLD, at(2_500));
        assert_eq!(calls.stalled(OLD, at(9_500)), 1);
        calls.end(OLD, at(500));
        assert_eq!(calls.stalled(OLD, at(9_500)), 0);
    });
}

/// L4: a call of the old epoch begins, and another ends, while a new one is begun.
#[test]
fn calls_of_an_old_epoch_leave_nothing_in_the_new() {
    explore(Depth::Every, 50, &["old-start"], || {
        let calls = in_flight();
        calls.begin(OLD, at(100));
        let (a, b) = (Arc::clone(&calls), Arc::clone(&calls));
        race(
            move || {
                a.end(OLD, at(100));
                a.begin(OLD, at(200));
            },
            move || {
                b.restart(NEW, at(300));
                b.begin(NEW, at(300));
            },
        );
        assert_eq!(calls.stalled(NEW, at(9_500)), 1);
        calls.end(NEW, at(300));
        assert_eq!(calls.stalled(NEW, at(9_500)), 0);
    });
}
