//! Votes.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::record::Cause;
use crate::request::{Ask, Reply};
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, agree, epoch, expect, is_early, three, vote};

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
    let own = std::mem::replace(&mut third.terms.identity.vote, second.terms.identity.vote.clone());
    not_yet("two have voted, and another of one's host", &third.vote(circuit, Voter::Own).await?)?;
    third.terms.identity.vote = own;
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
    let (within, after, window) = ("suite-window", "suite-window-over", Duration::from_millis(400));
    for player in players.iter_mut() {
        (player.terms.quorum, player.terms.vote_window) = (2, window);
    }
    let [one, second, third] = three(players)?;
    let since = Instant::now();
    for circuit in [within, after] {
        not_yet("one has voted", &one.vote(circuit, Voter::Own).await?)?;
    }
    sleep(window / 2).await;
    let opened = second.vote(within, Voter::Own).await?;
    let is_so = opened.word.is_some() || !is_early(since, window);
    expect(is_so, || "two voted within half of the window, and it is not open".to_owned())?;
    sleep(window).await;
    let since = Instant::now();
    not_yet("the first vote is over", &second.vote(after, Voter::Own).await?)?;
    let opened = third.vote(after, Voter::Own).await?;
    let is_so = opened.word.is_some() || !is_early(since, window);
    expect(is_so, || "two voted within the window, and it is not open".to_owned())
}

/// What is met by the whole fleet opens at once, however many votes are needed else.
pub(crate) async fn of_a_rate_need_no_quorum<S: Store>(players: &mut [Player<S>]) -> Verdict {
    agree(players, 3, 1);
    let [one, ..] = three(players)?;
    let opened = one.ask("suite-rate", vote(0, Cause::Rate)).await?;
    let is_open = opened.word.is_some_and(|word| word.record.is_open());
    expect(is_open, || "the rate of the whole fleet is reached, and it is not open".to_owned())
}

/// A trip of before the fleet's last word is over; one that knows that word is not.
pub(crate) async fn of_what_is_over_do_not_count<S: Store>(players: &mut [Player<S>]) -> Verdict {
    agree(players, 1, 1);
    let [one, second, _] = three(players)?;
    let circuit = "suite-known";
    let known = one.command(circuit, FleetCommand::Reset).await?;
    let late = second.ask(circuit, vote(known - 1, Cause::Votes)).await?;
    let stands = epoch(&late)?;
    expect(stands == known, || "what was known before a reset opens after it".to_owned())?;
    expect(late.code == 0, || "what was known before a reset counts after it".to_owned())?;
    let opened = second.ask(circuit, vote(known, Cause::Votes)).await?;
    let is_open = opened.word.is_some_and(|word| word.record.is_open());
    expect(is_open, || "what was known is the present, and it is not open".to_owned())
}

fn not_yet(when: &str, reply: &Reply) -> Verdict {
    expect(reply.word.is_none(), || format!("it is open although {when}"))
}
