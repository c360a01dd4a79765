//! The numbers of changes.

use std::collections::BTreeSet;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::request::Ask;
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, epoch, expect, two};

/// The numbers of as many partitions as a store may have.
async fn numbers<S: Store>(player: &mut Player<S>) -> Result<Vec<i64>, String> {
    let asks = (0..MOST).map(|partition| Ask::Changes { partition }).collect();
    let replies = player.ask_all("", asks).await?;
    Ok(replies.iter().map(|reply| if reply.code == 1 { reply.number } else { 0 }).collect())
}

const MOST: u16 = 16;

pub(crate) async fn grow_and_never_come_back<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let circuit = "suite-numbers";
    let begun = one.ask("", Ask::Begin { partition: 0 }).await?;
    expect(begun.code == 1, || "a number that was begun is not there".to_owned())?;
    let mut seen = BTreeSet::new();
    seen.insert(numbers(other).await?);
    for at in 0..10 {
        let asking = if at % 2 == 0 { &mut *one } else { &mut *other };
        asking.command(circuit, FleetCommand::ForceOpen { lasting: None }).await?;
        let now = numbers(one).await?;
        let same = numbers(other).await?;
        expect(now == same, || "two processes read two numbers of changes".to_owned())?;
        expect(seen.insert(now), || "a number of changes comes back".to_owned())?;
    }
    let before = numbers(other).await?;
    one.read(circuit).await?;
    let opened = epoch(&one.vote("suite-numbers-lease", Voter::Own).await?)?;
    let voted = numbers(other).await?;
    expect(voted != before, || "a vote that opens is no change".to_owned())?;
    one.lease("suite-numbers-lease", opened, LONG).await?;
    let after = numbers(other).await?;
    expect(after == voted, || "a lease is counted as a change of a record".to_owned())
}
