//! What operators impose.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::store::Store;
use crate::suite::player::{Player, Verdict, agree, command, expect, is_early, two};

const LASTING: Duration = Duration::from_millis(400);

/// What is left of an override shrinks, and after its time a vote opens.
pub(crate) async fn end_in_time<S: Store>(players: &mut [Player<S>]) -> Verdict {
    agree(players, 1, 1);
    let [one, other] = two(players)?;
    let lasting = Some(LASTING);
    let forced = [
        ("suite-forced-open", FleetCommand::ForceOpen { lasting }),
        ("suite-forced-closed", FleetCommand::ForceClosed { lasting }),
    ];
    let since = Instant::now();
    for (circuit, forcing) in forced {
        let word = one.ask(circuit, command(forcing)).await?.word.ok_or("nothing is forced")?;
        let is_so = word.record.overridden().is_some() && word.left <= LASTING;
        expect(is_so, || format!("forced for {LASTING:?} it is {word:?}"))?;
    }
    sleep(LASTING / 2).await;
    for (circuit, _) in forced {
        let left = other.read(circuit).await?.ok_or("what was forced is gone")?.left;
        let is_there = !left.is_zero() || !is_early(since, LASTING);
        let is_so = is_there && left <= LASTING * 3 / 4;
        expect(is_so, || format!("of {LASTING:?} after a half {left:?} are left"))?;
    }
    sleep(LASTING * 3 / 4).await;
    for (circuit, _) in forced {
        let word = other.vote(circuit, Voter::Own).await?.word.ok_or("what was forced is gone")?;
        let is_so = word.record.is_open() && word.record.overridden().is_none();
        expect(is_so, || format!("after its time an override stands: {word:?}"))?;
    }
    Ok(())
}
