//! From failsafe, setting by setting.

use failsafe::failure_policy::consecutive_failures;
use failsafe::futures::CircuitBreaker;
use failsafe::{Config, Error as TheirError, backoff};
use tower::service_fn;
use tower_circuit_breaker::{Circuit, Error, FailureKind, Outcome};

use crate::{OPEN, play, upstream};

fn before(failures: u32) -> impl CircuitBreaker + Clone {
    let policy = consecutive_failures(failures, backoff::constant(OPEN));
    Config::new().failure_policy(policy).build()
}

fn after(failures: u32) -> Circuit {
    Circuit::builder("shop").consecutive_failures(failures).open_for(OPEN).build()
}

fn theirs_is_rejected(error: &TheirError<&'static str>) -> bool {
    matches!(error, TheirError::Rejected)
}

fn is_rejected(error: &Error<&'static str>) -> bool {
    error.rejected().is_some()
}

/// A run that trips, a probe that fails, one that is answered; and a run that is interrupted.
#[tokio::test]
async fn consecutive_failures_with_a_constant_backoff_show_callers_what_they_did_before() {
    for (failures, script, seen) in
        [(3, "ffofffo", "ffofffr"), (1, "fo_fo_oo", "frfroo"), (2, "ff_oof_o", "ffoofo")]
    {
        let (theirs, ours) = (before(failures), after(failures));
        let theirs = service_fn(|ask| theirs.call(upstream(ask)));
        let ours = service_fn(|ask| ours.call(upstream(ask)));

        let theirs = play(theirs, script, theirs_is_rejected).await;
        let ours = play(ours, script, is_rejected).await;

        assert_eq!((&*theirs, &*ours), (seen, seen), "{script}");
    }
}

/// What the predicate leaves out is a success there, which interrupts a run; `Outcome::Success` is
/// the same here.
#[tokio::test]
async fn call_with_leaves_out_what_it_did_before() {
    let (theirs, ours) = (before(2), after(2));
    let down = |error: &&str| *error == "down";
    let classify = |result: &Result<(), &str>| match result {
        Err("down") => Outcome::Failure(FailureKind::OTHER),
        _ => Outcome::Success,
    };
    let theirs = service_fn(|ask| theirs.call_with(down, upstream(ask)));
    let ours = service_fn(|ask| ours.call_with(classify, upstream(ask)));

    let theirs = play(theirs, "fbfbffo", theirs_is_rejected).await;
    let ours = play(ours, "fbfbffo", is_rejected).await;

    assert_eq!((&*theirs, &*ours), ("ffffffr", "ffffffr"));
}
