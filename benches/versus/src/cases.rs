//! The cases in which calls are timed.

use std::time::{Duration, Instant};

use crate::contestants::{ALL, Contestant, Rule};
use crate::figure::{Missing, grouped};
use crate::inner::Load;
use crate::measure::{Effort, Expected, Lane, costs, race, timed};
use crate::subject::Subject;
use crate::table::Row;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) rule: Rule,
    pub(crate) load: Load,
    pub(crate) manner: Manner,
}

/// How the circuit gets to where it is measured, and how it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// One circuit for all rounds.
    Steady,
    /// One circuit that has tripped.
    Tripped,
    /// A circuit that already holds so many calls, new for each round where that is no great work:
    /// for windows whose cost may depend on what they hold.
    Holding(u32),
}

pub(crate) const CALLS: [Case; 8] = {
    use Load::{Fine, TenthFails};
    use Manner::{Holding, Steady, Tripped};
    use Rule::{Consecutive, Count, Time, TimeAndSlow};

    const fn case(name: &'static str, rule: Rule, load: Load, manner: Manner) -> Case {
        Case { name, rule, load, manner }
    }
    [
        case("closed, 5 consecutive failures", Consecutive, Fine, Steady),
        case("closed, count window of 100", Count, Fine, Steady),
        case("closed, time window of 10 s holding 1 k", Time, Fine, Holding(1_000)),
        case("… and a rule for slow calls", TimeAndSlow, Fine, Holding(1_000)),
        case("10 % failures, 5 consecutive failures", Consecutive, TenthFails, Steady),
        case("10 % failures, count window of 100", Count, TenthFails, Steady),
        case("10 % failures, time window holding 1 k", Time, TenthFails, Holding(1_000)),
        case("rejection", Consecutive, Fine, Tripped),
    ]
};

/// What the time window holds, and its name.
pub(crate) const GROWTH: [(u32, &str); 4] = [
    (1_000, "holding 1 k calls"),
    (10_000, "holding 10 k calls"),
    (100_000, "holding 100 k calls"),
    (1_000_000, "holding 1 M calls"),
];

/// Measures one case for all contestants.
pub(crate) fn row(case: Case, effort: Effort) -> Row {
    let lanes = ALL.iter().map(|contestant| lane(contestant, case, effort)).collect();
    let rounds = match case.manner {
        Manner::Steady | Manner::Tripped => effort.rounds,
        Manner::Holding(_) => effort.rounds / 4,
    };
    Row { case: case.name.into(), cells: costs(race(lanes, rounds)) }
}

fn lane(contestant: &Contestant, case: Case, effort: Effort) -> Result<Lane, Missing> {
    match case.manner {
        Manner::Steady => steady(contestant, case),
        Manner::Tripped => tripped(contestant, case),
        Manner::Holding(calls) if calls <= REFILLED => refilled(contestant, case, calls),
        Manner::Holding(calls) => filled(contestant, case, calls, effort),
    }
}

fn steady(contestant: &Contestant, case: Case) -> Result<Lane, Missing> {
    let mut entry = (contestant.enter)(case.rule)?;
    entry.subject.run(WARM_UP, Load::Fine);
    let round = move || timed(&mut *entry.subject, ROUND, case.load, Expected::Closed);
    Ok(Lane { round: Box::new(round), note: entry.note })
}

fn tripped(contestant: &Contestant, case: Case) -> Result<Lane, Missing> {
    let mut entry = contestant.enter_to_trip()?;
    entry.subject.run(TRIPPING, Load::AllFail);
    // Bare, nothing can be rejected; its calls are what the others are held against.
    let expected = if contestant.is_bare() { Expected::Closed } else { Expected::Open };
    let round = move || timed(&mut *entry.subject, ROUND, case.load, expected);
    Ok(Lane { round: Box::new(round), note: entry.note })
}

fn refilled(contestant: &Contestant, case: Case, calls: u32) -> Result<Lane, Missing> {
    let enter = contestant.enter;
    let note = enter(case.rule)?.note;
    let round = move || {
        let mut subject = enter(case.rule)?.subject;
        subject.run(calls, case.load);
        timed(&mut *subject, SHORT_ROUND, case.load, Expected::Closed)
    };
    Ok(Lane { round: Box::new(round), note })
}

fn filled(
    contestant: &Contestant,
    case: Case,
    calls: u32,
    effort: Effort,
) -> Result<Lane, Missing> {
    let mut entry = (contestant.enter)(case.rule)?;
    let held = fill(&mut *entry.subject, calls, case.load, effort.fill_seconds);
    if held < calls {
        return Err(not_reached(held, calls, effort.fill_seconds));
    }
    let round = move || timed(&mut *entry.subject, SHORT_ROUND, case.load, Expected::Closed);
    Ok(Lane { round: Box::new(round), note: entry.note })
}

/// Makes `calls` calls, or as many as can be made in so many seconds; gives how many.
pub(crate) fn fill(subject: &mut dyn Subject, calls: u32, load: Load, seconds: f64) -> u32 {
    let limit = Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let mut made = 0;
    while made < calls && start.elapsed() < limit {
        subject.run(CHUNK, load);
        made += CHUNK;
    }
    made
}

fn not_reached(held: u32, calls: u32, seconds: f64) -> Missing {
    let (held, calls) = (grouped(held.into()), grouped(calls.into()));
    Missing::because(format!(
        "made {held} calls of {calls} in {seconds} s, each slower than the last"
    ))
}

const WARM_UP: u32 = 10_000;
/// Long enough that reading the clock does not show, short enough to fall between disturbances.
const ROUND: u32 = 2_000;
/// Short, so that what a window holds hardly grows while it is measured.
const SHORT_ROUND: u32 = 100;
/// More failures than any of them needs.
const TRIPPING: u32 = 100;
/// Up to here a circuit is filled anew for each round.
const REFILLED: u32 = 10_000;
/// What is called between two looks at the clock.
const CHUNK: u32 = 500;
