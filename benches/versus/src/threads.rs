//! Two threads on one circuit.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use crate::contestants::{Contestant, Rule};
use crate::figure::Missing;
use crate::inner::Load;
use crate::measure::{Expected, Lane, check};
use crate::subject::Subject;

/// Each round is the time from the first thread's start to the last one's end, divided by the calls
/// of both.
pub(crate) fn lane(contestant: &Contestant, rule: Rule, load: Load) -> Result<Lane, Missing> {
    let mut entry = (contestant.enter)(rule)?;
    let mut twin = entry.subject.twin();
    let round = move || {
        for _ in 0..ATTEMPTS {
            let nanos = together(&mut *entry.subject, &mut *twin, load)?;
            if nanos.is_some() {
                return Ok(nanos);
            }
        }
        Ok(None)
    };
    Ok(Lane { round: Box::new(round), note: entry.note })
}

/// Nothing when the threads hardly ran at the same time: that tells nothing of how they meet.
fn together(
    one: &mut dyn Subject,
    other: &mut dyn Subject,
    load: Load,
) -> Result<Option<f64>, Missing> {
    let gate = AtomicU32::new(0);
    let run = |subject: &mut dyn Subject| {
        // Relaxed: only so that both start at the same time. Spins, for a thread that has to be
        // woken starts late.
        gate.fetch_add(1, Ordering::Relaxed);
        while gate.load(Ordering::Relaxed) < 2 {
            spin_loop();
        }
        let start = Instant::now();
        let succeeded = subject.run(CALLS, load);
        (start, succeeded, Instant::now())
    };
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(|| run(other));
        (run(one), other.join())
    });
    let other = other.map_err(|_| Missing::because("a thread panicked"))?;
    for (_, succeeded, _) in [one, other] {
        check(succeeded, CALLS, load, Expected::Closed)?;
    }
    let wall = one.2.max(other.2).duration_since(one.0.min(other.0)).as_secs_f64();
    let shared = one.2.min(other.2).saturating_duration_since(one.0.max(other.0)).as_secs_f64();
    Ok((shared >= SHARED * wall).then(|| wall * 1e9 / f64::from(2 * CALLS)))
}

/// Of each thread in a round.
const CALLS: u32 = 5_000;
/// The share of a round in which both threads must have been under way.
const SHARED: f64 = 0.75;
/// Enough on a busy machine; on one with a single core no number is.
const ATTEMPTS: u32 = 30;
