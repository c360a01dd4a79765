//! Scripts of callers that do not care for what a half-open circuit needs: they drop, shed, ignore
//! and forget its probes.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;
use tower_circuit_breaker::Outcome;
use tower_circuit_breaker_test::model::{Command, MOST_STEPS, Step};

use crate::strategies::outcome;

/// Stays in half-open under callers of a mood each; together they are no longer than other scripts.
pub(crate) fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(mood().prop_flat_map(half_open), 1..5).prop_map(|parts| parts.concat())
}

/// How often callers drop at once, drop late, ignore, shed, never end, and answer honestly. Honest
/// ones are rare, since under most settings the first of them decides.
fn mood() -> impl Strategy<Value = ([u32; 5], u32)> {
    let often = prop_oneof![2 => Just(0), 1 => Just(1), 2 => 4..12_u32];
    let rarely = prop_oneof![3 => Just(0), 1 => Just(1)];
    (proptest::array::uniform5(often), rarely)
}

fn half_open(mood: ([u32; 5], u32)) -> impl Strategy<Value = Vec<Step>> {
    let ([at_once, late, ignored, shed, never], honest) = mood;
    let take = |said: Option<Outcome>| time().prop_map(move |time| Step::Take(time, said)).boxed();
    let (said, finished) = ((time(), outcome()), (any::<usize>(), outcome()));
    let steps = [
        (at_once, Just(Step::Take(Duration::ZERO, None)).boxed()),
        (late, take(None)),
        (ignored, take(Some(Outcome::Ignored))),
        (shed, take(Some(Outcome::NotSent))),
        (never, Just(Step::Admit).boxed()),
        (honest, said.prop_map(|(time, said)| Step::Take(time, Some(said))).boxed()),
        (4, time().prop_map(Step::Advance).boxed()),
        // Of calls that seemed to have no end.
        (1, any::<usize>().prop_map(Step::Drop).boxed()),
        (1, finished.prop_map(|(call, said)| Step::Finish(call, said)).boxed()),
    ];
    let steps = steps.into_iter().filter(|(weight, _)| *weight > 0).collect();
    vec(Union::new_weighted(steps), 20..MOST_STEPS / 4 - 2).prop_map(|steps| {
        let begin = [Step::Command(Command::Trip), Step::Advance(LONGEST_OPEN)];
        begin.into_iter().chain(steps).collect()
    })
}

/// Mostly so long that a row of unanswered probes takes about a minute.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        4 => (0..10_000_u64).prop_map(Duration::from_millis),
        1 => (10..100_u64).prop_map(Duration::from_secs),
    ]
}

/// No open time of the settings is longer.
const LONGEST_OPEN: Duration = Duration::from_secs(90);
