//! Votes.

use std::time::Duration;

use tokio::time::sleep;

use crate::identity::Voter;
use crate::request::{Ask, Reply};
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, expect, three};

/// Of three that are needed the third opens, whoever votes how often.
pub(crate) async fn each_counts_once<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let circuit = "suite-votes";
    for player in players.iter_mut() {
        (player.terms.quorum, player.terms.vote_window) = (3, LONG);
    }
    let [one, second, third] = three(players)?;
    for _ in 0..3 {
        not_yet("one process has voted", &one.vote(circuit, Voter::Own).await?)?;
    }
    not_yet("two have voted", &second.vote(circuit, Voter::Own).await?)?;
    one.vote(circuit, Voter::Own).await?;
    // Another process of the second's host.
    let own = std::mem::replace(&mut third.terms.who.vote, second.terms.who.vote.clone());
    not_yet("two have voted, and another of one's host", &third.vote(circuit, Voter::Own).await?)?;
    third.terms.who.vote = own;
    let opened = third.vote(circuit, Voter::Own).await?;
    let is_open = opened.word.is_some_and(|word| word.record.is_open());
    expect(is_open, || "three of three have voted, and it is not open".to_owned())?;
    young_and_withdrawn(players).await
}

/// Those that have just joined have one vote; and one that is taken back counts no longer.
async fn young_and_withdrawn<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let circuit = "suite-young";
    for player in players.iter_mut() {
        player.terms.quorum = 2;
        not_yet("only young ones have voted", &player.vote(circuit, Voter::Young).await?)?;
    }
    let [one, second, third] = three(players)?;
    let circuit = "suite-withdrawn";
    not_yet("one has voted", &one.vote(circuit, Voter::Own).await?)?;
    one.ask(circuit, Ask::Withdraw).await?;
    not_yet("the other took it back", &second.vote(circuit, Voter::Own).await?)?;
    let opened = third.vote(circuit, Voter::Own).await?;
    expect(opened.word.is_some(), || "two of two have voted, and it is not open".to_owned())
}

/// A vote counts for the window and no longer.
pub(crate) async fn each_ends<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let (circuit, window) = ("suite-window", Duration::from_millis(300));
    for player in players.iter_mut() {
        (player.terms.quorum, player.terms.vote_window) = (2, window);
    }
    let [one, second, third] = three(players)?;
    not_yet("one has voted", &one.vote(circuit, Voter::Own).await?)?;
    sleep(2 * window).await;
    not_yet("the first vote is over", &second.vote(circuit, Voter::Own).await?)?;
    let opened = third.vote(circuit, Voter::Own).await?;
    expect(opened.word.is_some(), || "two voted within the window, and it is not open".to_owned())
}

fn not_yet(when: &str, reply: &Reply) -> Verdict {
    expect(reply.word.is_none(), || format!("it is open although {when}"))
}
