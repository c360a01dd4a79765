#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use crate::engine::in_flight::calls::InFlight;
use crate::engine::rules::backoff::JitterRng;
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;

const TAG: Tag = Tag::of(1);
const NEXT: Tag = Tag::of(2);

fn at(millis: u64) -> Timestamp {
    Timestamp::ZERO.after(Duration::from_millis(millis))
}

/// A call is stalled from 150 ms on, in ticks of 10 ms.
fn in_flight() -> InFlight {
    let calls = InFlight::new();
    calls.configure(150_000_000);
    calls.restart(TAG, at(0));
    calls
}

/// Every call that is in flight, in slots or not, whatever its age.
fn held(calls: &InFlight, now: Timestamp) -> u64 {
    calls.stalled(TAG, now.after(Duration::from_secs(1)))
}

#[test]
fn a_call_hangs_once_it_is_old_enough_and_no_longer_than_it_lasts() {
    let calls = in_flight();
    calls.begin(TAG, at(5));

    assert_eq!(calls.stalled(TAG, at(154)), 0, "never early");
    assert_eq!(calls.check_stalled(TAG, at(154)), Some(0));
    assert_eq!(calls.stalled(TAG, at(161)), 1, "a fifteenth late");
    assert_eq!(calls.check_stalled(TAG, at(161)), Some(1));
    assert_eq!(calls.check_stalled(TAG, at(162)), None, "asked in this tick already");
    assert_eq!(calls.stalled(TAG, at(162)), 1);
    calls.end(TAG, at(5));
    assert_eq!(calls.stalled(TAG, at(162)), 0);
    assert_eq!(calls.check_stalled(TAG, at(175)), Some(0));
}

#[test]
fn nothing_is_counted_without_an_age() {
    let calls = InFlight::new();
    calls.restart(TAG, at(0));

    calls.begin(TAG, at(0));

    assert_eq!(calls.stalled(TAG, at(1_000_000)), 0);
    assert_eq!(calls.check_stalled(TAG, at(1_000_000)), None);
}

#[test]
fn another_epoch_finds_nothing_and_changes_nothing() {
    let calls = in_flight();
    calls.begin(TAG, at(0));
    calls.restart(NEXT, at(10));

    calls.begin(TAG, at(10));
    calls.begin(NEXT, at(10));
    calls.end(TAG, at(0));
    calls.end(TAG, at(10));

    assert_eq!(calls.stalled(NEXT, at(1_000)), 1);
    assert_eq!(calls.stalled(TAG, at(1_000)), 0);
    assert_eq!(calls.check_stalled(TAG, at(1_000)), None);
}

#[test]
fn a_call_that_hangs_for_weeks_without_another_still_hangs() {
    let calls = in_flight();
    calls.begin(TAG, at(5));
    let weeks = at(10 * (1 << 23) + 7);

    assert_eq!(calls.check_stalled(TAG, weeks), Some(1));
    calls.begin(TAG, weeks);
    assert_eq!(calls.stalled(TAG, weeks), 1, "the new one does not");
    calls.end(TAG, at(5));
    assert_eq!(calls.stalled(TAG, weeks), 0);
    calls.end(TAG, weeks);
    assert_eq!(held(&calls, weeks), 0);
}

#[test]
fn a_thread_that_stood_still_counts_in_the_end() {
    let calls = in_flight();
    calls.begin(TAG, at(165));

    calls.begin(TAG, at(5));

    assert_eq!(calls.stalled(TAG, at(166)), 1, "it is as old as it is");
    calls.end(TAG, at(5));
    calls.end(TAG, at(165));
    assert_eq!(held(&calls, at(166)), 0);
}

#[test]
fn more_calls_than_a_slot_can_count_are_no_fewer_than_none() {
    let calls = in_flight();
    let full = TAG.mark(0xff_ffff);
    calls.slots[0].store(full, crate::sync::Ordering::Relaxed);

    calls.begin(TAG, at(5));
    assert_eq!(held(&calls, at(5)), 0xff_ffff);
    assert_eq!(calls.check_stalled(TAG, at(500)), Some(0xff_ffff));
    for _ in 0..3 {
        calls.end(TAG, at(5));
    }

    assert_eq!(held(&calls, at(500)), 0xff_fffc);
    let calls = in_flight();
    calls.end(TAG, at(5));
    assert_eq!(held(&calls, at(500)), 0, "one too few is none");
}

/// Against a list of the calls: none counts before its age, all do a fifteenth of it later.
#[test]
fn every_call_hangs_in_time() {
    for seed in 0..3_000 {
        let mut random = JitterRng::new(seed);
        let mut pick = |below: u64| random.roll() % below;
        let age = 1 + pick(2_000);
        let calls = InFlight::new();
        calls.configure(age);
        calls.restart(TAG, Timestamp::ZERO);
        let (mut now, mut list) = (0, Vec::new());
        for _ in 0..pick(200) {
            let at = Timestamp::from_nanos(now);
            match pick(13) {
                0..3 => {
                    // As a circuit does: a call that comes makes the check first.
                    calls.check_stalled(TAG, at);
                    calls.begin(TAG, at);
                    list.push(now);
                }
                3..6 if !list.is_empty() => {
                    let index = usize::try_from(pick(list.len() as u64)).unwrap();
                    calls.end(TAG, Timestamp::from_nanos(list.swap_remove(index)));
                }
                3..9 => now += pick(400),
                9 => now += pick(1 << 40),
                _ => {
                    let stalled = calls.stalled(TAG, at);
                    let looked = calls.check_stalled(TAG, at);
                    assert!(
                        looked.is_none_or(|looked| looked == stalled),
                        "{seed}: {looked:?}, {stalled}"
                    );
                }
            }
            let older = |than: u64| list.iter().filter(|at| now - **at >= than).count() as u64;
            let stalled = calls.stalled(TAG, Timestamp::from_nanos(now));
            assert!(stalled <= older(age), "{seed}: {stalled} of {list:?} at {now}, age {age}");
            assert!(
                stalled >= older(age + age / 15 + 17),
                "{seed}: {stalled} of {list:?} at {now}"
            );
        }
        for started in list.drain(..) {
            calls.end(TAG, Timestamp::from_nanos(started));
        }
        assert_eq!(held(&calls, Timestamp::from_nanos(now)), 0, "{seed}");
    }
}
