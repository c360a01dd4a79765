//! Runs longer than any test could make them, results that come between two epochs, and hashes.

use crate::engine::change::ChangeReason;
use crate::engine::outcome::{EndedCall, FailureKind, Recorded};
use crate::engine::record::recorder::Recorder;
use crate::engine::record::recorder::rare::hash;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;
use crate::sync::Ordering;

const OLD: Tag = Tag::of(6);
const NOW: Tag = Tag::of(7);

/// A recorder that has seen `run` failures in a row, and trips at `failures`.
fn after_a_run_of(run: u64, failures: u32) -> Recorder {
    let mut settings = Settings::without_rules();
    settings.add(TripRule::consecutive_failures(failures));
    let recorder = Recorder::new(&settings);
    recorder.configure(&settings, 1);
    recorder.restart(NOW, Timestamp::ZERO);
    recorder.run.store(NOW.mark(run), Ordering::Relaxed);
    recorder
}

fn fail(recorder: &Recorder) -> Option<ChangeReason> {
    match recorder.fail(NOW, FailureKind::OTHER, EndedCall::FAILURE, || Timestamp::ZERO) {
        Recorded::InTime { follows: cause, .. } => cause,
        Recorded::Stale => unreachable!("it is of this epoch"),
    }
}

#[test]
fn a_run_reaches_every_limit_exactly() {
    for limit in [0xffff, 0x1_0000, 0x1_0001, u32::MAX] {
        let recorder = after_a_run_of(u64::from(limit) - 2, limit);

        assert_eq!(fail(&recorder), None, "one before {limit}");
        assert_eq!(fail(&recorder), Some(ChangeReason::ConsecutiveFailures), "{limit}");
    }
}

/// A circuit that is forced closed goes on counting.
#[test]
fn a_run_goes_on_past_the_largest_limit() {
    let recorder = after_a_run_of(u64::from(u32::MAX), 5);

    for past in 1..=3 {
        assert_eq!(
            fail(&recorder),
            Some(ChangeReason::ConsecutiveFailures),
            "{past} past the limit"
        );
    }
}

#[test]
fn a_success_of_an_old_epoch_does_not_end_the_run_of_this_one() {
    let recorder = after_a_run_of(4, 5);

    recorder.succeed(OLD, EndedCall::SUCCESS, || Timestamp::ZERO);

    assert_eq!(fail(&recorder), Some(ChangeReason::ConsecutiveFailures));
}

#[test]
fn kinds_are_told_apart_by_fnv_1a() {
    // From the reference, <http://www.isthe.com/chongo/src/fnv/test_fnv.c>.
    let reference = [
        ("", 0xcbf2_9ce4_8422_2325),
        ("a", 0xaf63_dc4c_8601_ec8c),
        ("foobar", 0x8594_4171_f739_67e8),
    ];
    for (kind, expected) in reference {
        assert_eq!(hash(kind), expected, "{kind:?}");
    }
}
