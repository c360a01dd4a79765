use std::time::Duration;

use tower_circuit_breaker::fleet::{Member, Ruling, Verdict};
use tower_circuit_breaker::{Circuit, FailureKind, Outcome, Override};

use crate::counts::{Counts, FleetRate};
use crate::rate::Rate;
use crate::request::Ask;

/// What of two failures is asked for, after `force`.
fn asked_after(force: impl Fn(&Circuit)) -> Option<Ask> {
    let rate = Rate::new(0.5).unwrap();
    let mut counts =
        Counts::new(FleetRate { rate, minimum_calls: 2, over: Duration::from_secs(10) });
    let circuit = Circuit::builder("plants").consecutive_failures(100).build();
    assert!(counts.request(&circuit).is_none(), "it is seen for the first time");
    force(&circuit);
    for _ in 0..2 {
        circuit.try_acquire().unwrap().record(Outcome::Failure(FailureKind::OTHER));
    }
    let asked = counts.request(&circuit).map(|request| request.ask);
    circuit.adopt(Verdict { epoch: 2, ruling: Ruling::Closed });
    if asked.is_none() {
        assert!(counts.request(&circuit).is_none(), "nor when it is lifted");
    }
    asked
}

#[test]
fn what_calls_meet_while_the_fleet_forces_them_through_opens_nothing_after_it() {
    let both = |asked| matches!(asked, Some(Ask::Count { calls: 2, failures: 2 }));
    let forced = Verdict { epoch: 1, ruling: Ruling::forced(Override::ForcedClosed) };

    assert!(both(asked_after(|_| {})));
    assert!(both(asked_after(Circuit::observe)), "the others may have to open");
    assert!(asked_after(|circuit| circuit.adopt(forced)).is_none());
}
