//! The play: what befalls upstream A, and when.

use std::time::Duration;

use tokio::time::sleep;

use crate::lane::{Lane, Notes};
use crate::upstream::{COME_AGAIN_SECONDS, Condition, STRUGGLE};

/// Plays so many cycles.
pub(crate) async fn play(ill: &Lane, notes: &Notes, cycles: usize) {
    for cycle in 1..=cycles {
        if cycle > 1 {
            say(notes, format!("cycle {cycle}"));
        }
        play_cycle(ill, notes).await;
    }
}

async fn play_cycle(ill: &Lane, notes: &Notes) {
    let illnesses =
        [Condition::Well, Condition::Unavailable, Condition::Hanging, Condition::Throttling];
    for (number, condition) in (1..).zip(illnesses) {
        begin(number, ill, condition, notes);
        sleep(PHASE).await;
    }
    begin(PHASES, ill, Condition::Well, notes);
    ill.journal.recovered_within(LONGEST_RECOVERY).await;
    sleep(AFTERWARDS).await;
}

fn begin(number: u32, lane: &Lane, condition: Condition, notes: &Notes) {
    lane.upstream.set(condition);
    let name = lane.name;
    let what = match condition {
        Condition::Well if number == PHASES => format!("upstream {name} has recovered"),
        Condition::Well => "both upstreams are well".to_owned(),
        Condition::Unavailable => {
            format!("upstream {name} answers 503 after {} ms", STRUGGLE.as_millis())
        }
        Condition::Hanging => format!("upstream {name} hangs"),
        Condition::Throttling => {
            format!("upstream {name} answers 429 with `Retry-After: {COME_AGAIN_SECONDS}`")
        }
    };
    say(notes, format!("phase {number} of {PHASES}: {what}"));
}

fn say(notes: &Notes, line: String) {
    // Nobody reads any more once the play is over.
    let _ = notes.send(line);
}

const PHASES: u32 = 5;
/// Long enough to see several probes, short enough to watch.
const PHASE: Duration = Duration::from_secs(3);
/// More than the circuit is ever open here; a cycle stays under 20 s.
const LONGEST_RECOVERY: Duration = Duration::from_secs(5);
/// To see that it stays closed.
const AFTERWARDS: Duration = Duration::from_secs(2);
