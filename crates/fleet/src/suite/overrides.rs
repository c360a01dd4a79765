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

/// An override has a serial of its own: a reset, which gives its record another epoch, leaves that, and
/// so does who puts it back; another override has another.
pub(crate) async fn have_serials<S: Store>(players: &mut [Player<S>]) -> Verdict {
    agree(players, 1, 1);
    let [one, other] = two(players)?;
    let circuit = "suite-serial";
    let forcing = FleetCommand::ForceOpen { lasting: None };
    let mut before = Vec::new();
    for _ in 0..2 {
        let word = one.ask(circuit, command(forcing)).await?.word.ok_or("nothing is forced")?;
        let (serial, epoch) = (word.record.serial(), word.record.epoch());
        let is_new = serial.is_some() && !before.contains(&serial);
        expect(is_new, || format!("after {before:?} the serial of an override is {serial:?}"))?;
        let reset = other.ask(circuit, command(FleetCommand::Reset)).await?.word;
        let reset = reset.ok_or("a reset has taken what was forced")?.record;
        let is_kept = reset.epoch() > epoch && reset.serial() == serial;
        expect(is_kept, || format!("of {:?} a reset has made {reset:?}", word.record))?;
        before.push(serial);
    }
    let closed = one.ask(circuit, command(FleetCommand::Release)).await?.word;
    let serial = closed.and_then(|word| word.record.serial());
    expect(serial.is_none(), || format!("without an override the serial is {serial:?}"))
}
