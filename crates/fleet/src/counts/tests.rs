#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use tower_circuit_breaker::fleet::{Member, Ruling, Verdict};
use tower_circuit_breaker::{Circuit, FailureKind, Outcome, Override};

use crate::counts::{Counts, FleetRate};
use crate::rate::Rate;
use crate::request::{Ask, Merge, Reply, Sum};
use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
const FAILURE: Outcome = Outcome::Failure(FailureKind::OTHER);

fn counts() -> Counts {
    let rate = Rate::new(0.5).unwrap();
    let (over, patience) = (10 * SECOND, 3 * SECOND);
    Counts::new(FleetRate { rate, minimum_calls: 2, over, patience }, 1)
}

fn circuit() -> Circuit {
    Circuit::builder("plants").consecutive_failures(100).build()
}

fn call(circuit: &Circuit, outcomes: &[Outcome]) {
    for outcome in outcomes {
        circuit.try_acquire().unwrap().record(*outcome);
    }
}

/// What is to be merged at this second.
fn merge(counts: &mut Counts, circuit: &Circuit, second: u32) -> Option<Merge> {
    let now = Timestamp::ZERO.after(SECOND * second);
    let requests = counts.requests(std::slice::from_ref(circuit), |_| 7, now);
    assert!(requests.len() <= 1, "{requests:?}");
    requests.into_iter().next().map(|request| match request.ask {
        Ask::Merge(merge) => merge,
        other => panic!("{other:?}"),
    })
}

fn sum(merge: Option<Merge>) -> Option<Sum> {
    merge.map(|merge| merge.met[0].sum)
}

/// What of two failures is asked for, after `force`.
fn asked_after(force: impl Fn(&Circuit)) -> Option<Sum> {
    let (mut counts, circuit) = (counts(), circuit());
    assert_eq!(merge(&mut counts, &circuit, 0), None, "it is seen for the first time");
    force(&circuit);
    call(&circuit, &[FAILURE, FAILURE]);
    let asked = sum(merge(&mut counts, &circuit, 1));
    circuit.adopt(Verdict { epoch: 2, ruling: Ruling::Closed });
    if asked.is_none() {
        assert_eq!(merge(&mut counts, &circuit, 2), None, "nor when it is lifted");
    }
    asked
}

#[test]
fn what_calls_meet_while_the_fleet_forces_them_through_opens_nothing_after_it() {
    let both = Some(Sum { calls: 2, failures: 2 });
    let forced = Verdict { epoch: 1, ruling: Ruling::forced(Override::ForcedClosed) };

    assert_eq!(asked_after(|_| {}), both);
    assert_eq!(asked_after(Circuit::observe), both, "the others may have to open");
    assert_eq!(asked_after(|circuit| circuit.adopt(forced)), None);
}

#[test]
fn nothing_is_merged_while_nothing_fails_here_or_elsewhere() {
    let (mut counts, circuit) = (counts(), circuit());
    merge(&mut counts, &circuit, 0);
    for second in 1..5 {
        call(&circuit, &[Outcome::Success; 10]);
        assert_eq!(merge(&mut counts, &circuit, second), None, "second {second}");
    }

    // Another process has met a failure: from now on what this one meets counts, too.
    counts.heard(0, Some(SECOND));
    call(&circuit, &[Outcome::Success; 3]);
    let merged = merge(&mut counts, &circuit, 5);
    assert_eq!(sum(merged.clone()), Some(Sum { calls: 3, failures: 0 }));
    let reply = Reply { sums: vec![Sum::default()], ..Reply::default() };
    counts.merged(&merged.unwrap(), &reply);

    call(&circuit, &[Outcome::Success; 3]);
    assert_eq!(merge(&mut counts, &circuit, 6), None, "the store has said that it is over");
}

#[test]
fn a_failure_of_this_process_is_merged_for_as_long_as_it_counts() {
    let (mut counts, circuit) = (counts(), circuit());
    merge(&mut counts, &circuit, 0);
    call(&circuit, &[Outcome::Success, FAILURE]);
    let first = merge(&mut counts, &circuit, 1);
    assert_eq!(sum(first.clone()), Some(Sum { calls: 2, failures: 1 }));
    assert_eq!(first.clone().unwrap().met[0].epoch, 7);
    let again = merge(&mut counts, &circuit, 2);
    assert_eq!(sum(again), sum(first.clone()), "it was not answered");
    counts.merged(&first.unwrap(), &Reply::default());

    call(&circuit, &[Outcome::Success]);
    // The one that was not answered was seen at two seconds.
    let later = merge(&mut counts, &circuit, 11);
    assert_eq!(sum(later.clone()), Some(Sum { calls: 1, failures: 0 }));
    counts.merged(&later.unwrap(), &Reply::default());
    call(&circuit, &[Outcome::Success]);
    assert_eq!(merge(&mut counts, &circuit, 12), None);
}

#[test]
fn the_sums_decide_when_all_have_had_time_to_add_theirs() {
    let (mut counts, circuit) = (counts(), circuit());
    merge(&mut counts, &circuit, 0);
    call(&circuit, &[FAILURE, FAILURE]);
    let merge = merge(&mut counts, &circuit, 1).unwrap();
    let mut exceeded = |lasted, calls, failures| {
        let sums = vec![Sum { calls, failures }];
        !counts.merged(&merge, &Reply { sums, failing_for: lasted, ..Reply::default() }).is_empty()
    };

    assert!(!exceeded(Some(2 * SECOND), 100, 100), "too early");
    assert!(exceeded(Some(3 * SECOND), 100, 50));
    assert!(!exceeded(Some(3 * SECOND), 100, 49), "below the rate");
    assert!(!exceeded(Some(3 * SECOND), 1, 1), "below the minimum");
    assert!(!exceeded(None, 100, 100), "it is over");
}

#[test]
fn sums_that_go_back_for_less_than_a_merge_are_merged_all_the_same() {
    let (mut counts, circuit) = (counts(), circuit());
    counts.rule.over = SECOND / 2;
    merge(&mut counts, &circuit, 0);
    for second in 1..9 {
        call(&circuit, &[FAILURE]);
        let asked = merge(&mut counts, &circuit, second);
        assert_eq!(sum(asked.clone()), Some(Sum { calls: 1, failures: 1 }), "{second}");
        counts.merged(&asked.unwrap(), &Reply::default());
    }
}

/// It was stopped, or the store was away: the store would add it to what calls meet now.
#[test]
fn what_was_met_long_ago_is_not_added_to_what_is_met_now() {
    let (mut counts, circuit) = (counts(), circuit());
    merge(&mut counts, &circuit, 0);
    call(&circuit, &[FAILURE]);
    let failures = 1;
    assert_eq!(sum(merge(&mut counts, &circuit, 10)), Some(Sum { calls: 1, failures }));
    assert_eq!(merge(&mut counts, &circuit, 11), None, "the sums are of ten seconds");

    call(&circuit, &[FAILURE]);
    let asked = merge(&mut counts, &circuit, 12);
    assert_eq!(sum(asked.clone()), Some(Sum { calls: 1, failures }));
    counts.merged(&asked.unwrap(), &Reply::default());
    for second in [13, 30, 40] {
        assert_eq!(merge(&mut counts, &circuit, second), None, "there is nothing to add");
    }
    call(&circuit, &[FAILURE]);
    assert_eq!(sum(merge(&mut counts, &circuit, 41)), Some(Sum { calls: 1, failures }));
}
