//! A circuit that was exported and restored decides as it would have, had it slept meanwhile.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitState, ManualClock, Outcome, Override, Permit, RejectReason,
    SavedCircuit,
};

use crate::support::{FAILURE, SECOND};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A whole call.
    Call(Outcome),
    /// A call that is in flight until the export.
    Hold,
    Advance(Duration),
    Trip,
    TripFor(Duration),
    Reset,
    ForceOpen,
    ForceClosed,
    Observe,
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Call(FAILURE)),
        3 => Just(Step::Call(Outcome::Success)),
        1 => Just(Step::Call(Outcome::Ignored)),
        1 => time().prop_map(|time| Step::Call(Outcome::TripFor(time))),
        2 => Just(Step::Hold),
        6 => time().prop_map(Step::Advance),
        1 => Just(Step::Trip),
        1 => time().prop_map(Step::TripFor),
        1 => Just(Step::Reset),
        1 => Just(Step::ForceOpen),
        1 => Just(Step::ForceClosed),
        2 => Just(Step::Observe),
        3 => Just(Step::Release),
    ]
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..3_000_u64).prop_map(Duration::from_millis),
        (0..40_u64).prop_map(Duration::from_secs),
    ]
}

/// A circuit without a window: what is in one does not come back.
struct Process {
    circuit: Circuit,
    clock: ManualClock,
    held: Vec<Permit>,
}

/// What a step came to: whether a call was admitted, or why not and for how long.
type Met = Option<Result<(), (RejectReason, Option<Duration>)>>;

impl Process {
    fn new(saved: Option<SavedCircuit>) -> Self {
        let clock = ManualClock::new();
        let backoff = Backoff::exponential(2 * SECOND, 30 * SECOND).without_jitter();
        let builder = Circuit::builder("api").consecutive_failures(1).open_backoff(backoff);
        let circuit = builder.clock(clock.clone()).restore(saved).build();
        Self { circuit, clock, held: Vec::new() }
    }

    fn take(&mut self, step: Step) -> Met {
        let circuit = &self.circuit;
        match step {
            Step::Call(_) | Step::Hold => {
                let admitted = circuit.try_acquire();
                let met = admitted.as_ref().map(drop);
                let met = met.map_err(|rejected| (rejected.reason(), rejected.retry_after()));
                match (admitted, step) {
                    (Ok(permit), Step::Call(outcome)) => permit.record(outcome),
                    (Ok(permit), _) => self.held.push(permit),
                    (Err(_), _) => {}
                }
                return Some(met);
            }
            Step::Advance(time) => self.clock.advance(time),
            Step::Trip => circuit.trip(),
            Step::TripFor(time) => circuit.trip_for(time),
            Step::Reset => circuit.reset(),
            Step::ForceOpen => circuit.force_open(),
            Step::ForceClosed => circuit.force_closed(),
            Step::Observe => circuit.observe(),
            Step::Release => circuit.release(),
        }
        None
    }

    /// State, override, and how long the circuit is still open.
    fn seen(&self) -> (CircuitState, Option<Override>, Option<Duration>) {
        let snapshot = self.circuit.snapshot();
        (snapshot.state, snapshot.overridden, snapshot.retry_after)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_restored_circuit_decides_as_one_that_slept(
        before in vec(step(), 0..40),
        away in time(),
        probe in prop_oneof![Just(FAILURE), Just(Outcome::Success)],
        after in vec(step(), 0..40),
    ) {
        let mut slept = Process::new(None);
        for step in before {
            slept.take(step);
        }
        let saved = slept.circuit.export();
        let text = serde_json::to_string(&saved).unwrap();
        prop_assert_eq!(&serde_json::from_str::<SavedCircuit>(&text).unwrap(), &saved);
        // Calls in flight end with their process.
        slept.held.clear();
        slept.clock.advance(away);
        let mut restored = Process::new(Some(saved.away_for(away)));

        let mut script = after;
        if slept.circuit.state() == CircuitState::HalfOpen {
            prop_assert_eq!(restored.seen().0, CircuitState::Open);
            prop_assert_eq!(restored.seen().2, Some(Duration::ZERO));
            script.insert(0, Step::Call(probe));
        } else {
            prop_assert_eq!(restored.seen(), slept.seen());
        }
        for step in script {
            prop_assert_eq!(restored.take(step), slept.take(step), "{:?}", step);
            prop_assert_eq!(restored.seen(), slept.seen(), "{:?}", step);
        }
    }
}
