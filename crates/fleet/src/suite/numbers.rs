//! The numbers of changes, and the partitions whose they are.

use std::collections::BTreeSet;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::partition::{MOST_PARTITIONS, partition};
use crate::record::Cause;
use crate::request::{Ask, Reply, Shown};
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, agree, command, epoch, expect, two, vote};
use crate::word::Word;

/// The numbers of as many partitions as a store may have.
async fn numbers<S: Store>(player: &mut Player<S>) -> Result<Vec<i64>, String> {
    let asks = (0..MOST_PARTITIONS).map(|partition| Ask::Changes { partition }).collect();
    let replies = player.ask_all("", asks).await?;
    Ok(replies.iter().map(|reply| if reply.code == 1 { reply.number } else { 0 }).collect())
}

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

/// Whatever changes a record raises the number of one partition, and no other.
pub(crate) async fn are_raised_by_every_change<S: Store>(players: &mut [Player<S>]) -> Verdict {
    agree(players, 1, 1);
    let circuit = "suite-numbers-raised";
    let failing = Shown::Failing { open_for: LONG, step: 1 };
    let opened = raised(players, circuit, vote(0, Cause::Votes)).await?;
    let (shown, epoch) = (failing, opened.record.epoch());
    let renewed = raised(players, circuit, Ask::Settle { epoch, shown }).await?;
    let (shown, epoch) = (Shown::Well, renewed.record.epoch());
    let closed = raised(players, circuit, Ask::Settle { epoch, shown }).await?;
    let Word { record, left, .. } = closed;
    raised(players, "suite-numbers-restored", Ask::Restore { record, left }).await?;
    for forced in [FORCED, FleetCommand::Reset, FleetCommand::Release, FleetCommand::Reset] {
        raised(players, circuit, command(forced)).await?;
    }
    Ok(())
}

/// What stands there after a change that has raised one number.
async fn raised<S: Store>(
    players: &mut [Player<S>],
    circuit: &str,
    ask: Ask,
) -> Result<Word, String> {
    let what = format!("{ask:?}");
    let (reply, _) = change(players, circuit, ask).await.map_err(|how| format!("{what}: {how}"))?;
    reply.word.ok_or_else(|| format!("{what}: nothing stands there"))
}

/// The answer to a change of `circuit`, and the partition whose number it has raised.
async fn change<S: Store>(
    players: &mut [Player<S>],
    circuit: &str,
    ask: Ask,
) -> Result<(Reply, u16), String> {
    let [one, other] = two(players)?;
    let before = numbers(other).await?;
    let reply = one.ask(circuit, ask).await?;
    let after = numbers(other).await?;
    let pairs = || (0..MOST_PARTITIONS).zip(before.iter().zip(&after));
    let sunk = pairs().find(|(_, (before, after))| after < before);
    expect(sunk.is_none(), || format!("a number of changes goes back: {sunk:?}"))?;
    let raised: Vec<_> = pairs().filter(|(_, (before, after))| after > before).collect();
    match *raised {
        [(partition, _)] => Ok((reply, partition)),
        _ => Err(format!("a change raises the numbers of {} partitions", raised.len())),
    }
}

/// A store has from 1 to 16 partitions, and a circuit is in the one that
/// [`partition`](crate::partition::partition) gives.
///
/// The suite is not told how many there are: it finds it. Each of some circuits is changed, and has to
/// raise the number of one partition; and there has to be a number of partitions among which all of
/// them belong where they are.
pub(crate) async fn are_of_the_circuits_partition<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let mut found = Vec::new();
    for circuit in circuits() {
        let (_, partition) = change(players, &circuit, command(FORCED)).await?;
        found.push((circuit, partition));
    }
    let fits = possible(&found);
    expect(!fits.is_empty(), || format!("of no number of partitions circuits lie so: {found:?}"))
}

fn circuits() -> impl Iterator<Item = String> {
    (0..24).map(|number| format!("suite-partition-{number}"))
}

/// How many partitions there may be where circuits lie so.
fn possible(found: &[(String, u16)]) -> Vec<u16> {
    let is_so = |among: &u16| found.iter().all(|(name, at)| partition(name, *among) == *at);
    (1..=MOST_PARTITIONS).filter(is_so).collect()
}

const FORCED: FleetCommand = FleetCommand::ForceOpen { lasting: None };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_circuits_of_the_suite_tell_each_number_of_partitions_from_the_others() {
        for among in 1..=MOST_PARTITIONS {
            let found: Vec<_> =
                circuits().map(|name| (name.clone(), partition(&name, among))).collect();
            assert_eq!(possible(&found), [among]);

            let beside: Vec<_> =
                found.into_iter().map(|(name, at)| (name, (at + 1) % MOST_PARTITIONS)).collect();
            assert_eq!(possible(&beside), [0; 0], "one beside of {among}");
        }
    }
}
