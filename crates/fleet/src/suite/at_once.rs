//! Several processes that ask at the same time.

use std::collections::BTreeSet;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::record::Cause;
use crate::request::{Ask, Reply, Shown};
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, agree, command, epoch, expect, two, vote};

/// So often, as not every time their requests meet.
const ROUNDS: u32 = 10;

/// Of four that ask at once one comes after the other, whatever they ask.
pub(crate) async fn each_is_one_step<S: Store>(players: &mut [Player<S>]) -> Verdict {
    for round in 0..ROUNDS {
        let places = 1 + round % 2;
        agree(players, 1, places);
        lease(players, &format!("suite-at-once-{round}"), places).await?;
        agree(players, 3, 1);
        open(players, &format!("suite-at-once-votes-{round}")).await?;
    }
    Ok(())
}

/// As many have a lease as may; of their verdicts one stands; of their commands each is a change.
async fn lease<S: Store>(players: &mut [Player<S>], circuit: &str, places: u32) -> Verdict {
    let [one, _] = two(players)?;
    let epoch = epoch(&one.vote(circuit, Voter::Own).await?)?;
    let leases = all_ask(players, circuit, &Ask::Lease { epoch, lasts: LONG }).await?;
    let granted = leases.iter().filter(|lease| lease.code == 1).count();
    let is_so = u32::try_from(granted) == Ok(places);
    expect(is_so, || format!("of {places} places {granted} are given to four at once"))?;
    let verdicts = all_ask(players, circuit, &Ask::Settle { epoch, shown: Shown::Well }).await?;
    let standing = verdicts.iter().filter(|verdict| verdict.code == 1).count();
    expect(standing == 1, || format!("of four verdicts at once {standing} stand"))?;
    let forced = command(FleetCommand::ForceOpen { lasting: None });
    let epochs = epochs(&all_ask(players, circuit, &forced).await?);
    expect(epochs.len() == 4, || format!("four commands at once have the epochs {epochs:?}"))?;
    let [one, _] = two(players)?;
    let read = one.read(circuit).await?.map(|word| word.record.epoch());
    expect(read == epochs.last().copied(), || format!("of {epochs:?} {read:?} stands"))
}

/// The third vote opens, and the fourth comes too late.
async fn open<S: Store>(players: &mut [Player<S>], circuit: &str) -> Verdict {
    let votes = all_ask(players, circuit, &vote(0, Cause::Votes)).await?;
    let open = votes.iter().filter(|vote| vote.word.is_some()).count();
    let epochs = epochs(&votes);
    let is_so = open == 2 && epochs.len() == 1;
    expect(is_so, || format!("of four votes at once, with three needed, {open} see it open"))
}

fn epochs(replies: &[Reply]) -> BTreeSet<u64> {
    replies.iter().filter_map(|reply| epoch(reply).ok()).collect()
}

async fn all_ask<S: Store>(
    players: &mut [Player<S>],
    circuit: &str,
    ask: &Ask,
) -> Result<[Reply; 4], String> {
    let [one, second, third, fourth] = players else {
        return Err("there are not four processes".to_owned());
    };
    let (one, second, third, fourth) = tokio::join!(
        one.ask(circuit, ask.clone()),
        second.ask(circuit, ask.clone()),
        third.ask(circuit, ask.clone()),
        fourth.ask(circuit, ask.clone()),
    );
    Ok([one?, second?, third?, fourth?])
}
