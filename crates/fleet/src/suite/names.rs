//! Names of processes, and who is there.

use std::time::Duration;

use crate::identity::Voter;
use crate::presence;
use crate::request::Ask;
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, epoch, expect, two};

/// Another process of one's name is told of, and oneself is not.
pub(crate) async fn of_one_name_are_two<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let own = (one.terms.identity.name.clone(), other.terms.identity.name.clone());
    let name = own.0.clone();
    let said =
        |code: i64, identity: &str| format!("{identity} is told {code} of another of its name");
    announce(one, &name).await?;
    let again = announce(one, &name).await?;
    expect(again == 0, || said(again, "one that is alone"))?;
    other.terms.identity.name.clone_from(&name);
    let second = announce(other, &name).await?;
    let first = announce(one, &name).await?;
    other.terms.identity.name = own.1;
    expect(second == 1 && first == 1, || said(second.min(first), "one of two"))?;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let alone = announce(one, &name).await?;
    expect(alone == 0, || said(alone, "one that is alone again"))
}

async fn announce<S: Store>(player: &mut Player<S>, name: &str) -> Result<i64, String> {
    let said = presence::said(&player.terms.identity, "suite", None, &[]).into();
    Ok(player.ask(name, Ask::Announce { said }).await?.code)
}

/// Who is there is found, with what it says; and who votes and probes.
pub(crate) async fn are_counted<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    for player in [&mut *one, &mut *other] {
        let name = player.terms.identity.name.clone();
        announce(player, &name).await?;
        player.ask(&name, Ask::Enlist).await?;
    }
    let found = one.ask("", Ask::Census).await?.processes;
    for identity in [&one.terms.identity, &other.terms.identity] {
        let said = found.iter().find(|(name, _)| *name == identity.name).map(|(_, said)| said);
        let number = said.and_then(|said| presence::number(said));
        expect(number == Some(identity.number), || {
            format!("{} is not in {found:?}", identity.name)
        })?;
    }
    let circuit = "suite-looked";
    (one.terms.quorum, one.terms.vote_window) = (2, LONG);
    one.vote(circuit, Voter::Own).await?;
    let voted = other.ask(circuit, Ask::Look { open: None }).await?.looked;
    let votes = voted.map(|looked| looked.votes).unwrap_or_default();
    expect(votes == [one.terms.identity.vote.clone()], || format!("votes are {votes:?}"))?;
    other.terms.quorum = 1;
    let opened = epoch(&other.vote(circuit, Voter::Own).await?)?;
    one.lease(circuit, opened, LONG).await?;
    let leased = other.ask(circuit, Ask::Look { open: Some(opened) }).await?.looked;
    let leases = leased.map(|looked| looked.leases).unwrap_or_default();
    let is_so = leases.len() == 1
        && leases.iter().all(|(identity, _)| *identity == one.terms.identity.name);
    expect(is_so, || format!("leases are {leases:?}"))
}
