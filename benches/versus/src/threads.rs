//! Threads that share one circuit, each with a service of its own and on a core of its own.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::contestants::{ALL, Contestant, Rule};
use crate::figure::Missing;
use crate::inner::Load;
use crate::measure::{Effort, Expected, Lane, check, costs, race};
use crate::pin;
use crate::subject::Subject;
use crate::table::Row;

/// What the circuit goes by, and how a row calls it.
pub(crate) const RULES: [(Rule, &str); 3] = [
    (Rule::Consecutive, "5 consecutive failures"),
    (Rule::Time, "time window of 10 s"),
    (Rule::Count, "count window of 100"),
];

/// Where threads run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Each on a core of its own.
    Pinned,
    /// Wherever the system puts them.
    Anywhere,
}

/// A row for each rule and number of threads that this machine can run at once.
pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let (cores, possible) = (pin::cores(), possible());
    let mut rows = Vec::new();
    for (rule, words) in RULES {
        for number in NUMBERS.into_iter().filter(|number| *number <= possible) {
            let cores = cores.get(..number);
            let place = if cores.is_some() { Place::Pinned } else { Place::Anywhere };
            let case = name(number, words, place);
            eprintln!("{case}");
            let lane = |one: &Contestant| lane(one, rule, number, cores.unwrap_or_default());
            let lanes = ALL.iter().map(lane).collect();
            rows.push(Row { case, cells: costs(race(lanes, effort.thread_rounds)) });
        }
    }
    rows
}

/// What is said of numbers without a row.
pub(crate) fn left_out() -> Option<String> {
    let possible = possible();
    let more = NUMBERS.into_iter().filter(|number| *number > possible);
    let more: Vec<_> = more.map(|number| number.to_string()).collect();
    (!more.is_empty()).then(|| {
        let more = more.join(" and ");
        format!("Not measured: {more} threads, which {possible} cores cannot run at once.")
    })
}

/// How many threads run at once.
fn possible() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// As a row is called.
pub(crate) fn name(number: usize, rule: &str, place: Place) -> String {
    let threads = if number == 1 { "thread" } else { "threads" };
    let place = match place {
        Place::Pinned => "pinned",
        Place::Anywhere => "unpinned, worth little",
    };
    format!("{number} {threads}, {place}: {rule}")
}

/// Each round is the time from the first thread's start to the last one's end, divided by the calls
/// of all.
fn lane(
    contestant: &Contestant,
    rule: Rule,
    number: usize,
    cores: &[usize],
) -> Result<Lane, Missing> {
    let entry = (contestant.enter)(rule)?;
    let mut subjects: Vec<_> = (1..number).map(|_| entry.subject.twin()).collect();
    subjects.push(entry.subject);
    let cores = cores.to_vec();
    let round = move || {
        for _ in 0..ATTEMPTS {
            let nanos = together(&mut subjects, &cores)?;
            if nanos.is_some() {
                return Ok(nanos);
            }
        }
        Ok(None)
    };
    Ok(Lane { round: Box::new(round), note: entry.note })
}

/// Nothing when the threads hardly ran at the same time: that tells nothing of how they meet.
fn together(subjects: &mut [Box<dyn Subject>], cores: &[usize]) -> Result<Option<f64>, Missing> {
    let (number, arrived) = (subjects.len(), AtomicUsize::new(0));
    let laps = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (index, subject) in subjects.iter_mut().enumerate() {
            let (core, arrived) = (cores.get(index).copied(), &arrived);
            threads.push(scope.spawn(move || lap(&mut **subject, core, || meet(arrived, number))));
        }
        let end = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| Missing::because("a thread panicked"))?
        };
        threads.into_iter().map(end).collect::<Result<Vec<Lap>, _>>()
    })?;
    let first = |times: fn(&Lap) -> Instant| laps.iter().map(times).min();
    let last = |times: fn(&Lap) -> Instant| laps.iter().map(times).max();
    let between = |from: Option<Instant>, to: Option<Instant>| {
        to.zip(from).map_or(0.0, |(to, from)| to.saturating_duration_since(from).as_secs_f64())
    };
    let wall = between(first(|lap| lap.start), last(|lap| lap.end));
    let shared = between(last(|lap| lap.start), first(|lap| lap.end));
    let calls = f64::from(CALLS) * laps.len() as f64;
    Ok((shared >= SHARED * wall).then(|| wall * 1e9 / calls))
}

/// What one thread does in a round.
struct Lap {
    start: Instant,
    end: Instant,
}

fn lap(
    subject: &mut dyn Subject,
    core: Option<usize>,
    meet: impl FnOnce(),
) -> Result<Lap, Missing> {
    let is_placed = core.is_none_or(pin::pin);
    meet();
    let start = Instant::now();
    let succeeded = subject.run(CALLS, Load::Fine);
    let end = Instant::now();
    if !is_placed {
        return Err(Missing::because("a thread could not be held to a core"));
    }
    check(succeeded, CALLS, Load::Fine, Expected::Closed)?;
    Ok(Lap { start, end })
}

/// Relaxed: only so that all start at the same time. Spins, for a thread that has to be woken starts
/// late.
fn meet(arrived: &AtomicUsize, number: usize) {
    arrived.fetch_add(1, Ordering::Relaxed);
    while arrived.load(Ordering::Relaxed) < number {
        spin_loop();
    }
}

const NUMBERS: [usize; 4] = [1, 2, 4, 8];
/// Of each thread in a round.
const CALLS: u32 = 5_000;
/// The share of a round in which all threads must have been under way.
const SHARED: f64 = 0.75;
/// Enough on a busy machine.
const ATTEMPTS: u32 = 30;
