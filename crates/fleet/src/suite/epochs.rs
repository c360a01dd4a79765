//! Records: their epochs, their time, and verdicts on them.

use std::time::Duration;

use tokio::time::sleep;
use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::record::Cause;
use crate::request::{Ask, Shown};
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, epoch, expect, two, vote};
use crate::words::Words;

/// In microseconds, which epochs are.
const DAY: u64 = 24 * 3600 * 1_000_000;

const FORCED: FleetCommand = FleetCommand::ForceOpen { lasting: None };

/// What is left of an open time only shrinks.
pub(crate) async fn time_runs_down<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let circuit = "suite-time";
    let mut left = one.vote(circuit, Voter::Own).await?.word.map_or(LONG, |word| word.left);
    for at in 0..20 {
        let asking = if at % 2 == 0 { &mut *one } else { &mut *other };
        let word = asking.read(circuit).await?.ok_or("the record is gone")?;
        let now = word.left;
        expect(now <= left, || format!("of {left:?} of an open time {now:?} are left later"))?;
        expect(now <= word.record.open_for, || "more is left than the whole".to_owned())?;
        left = now;
        sleep(Duration::from_millis(10)).await;
    }
    let gone = LONG.saturating_sub(left);
    let expected = Duration::from_millis(150)..Duration::from_secs(60);
    expect(expected.contains(&gone), || format!("in 200 ms {gone:?} of an open time were over"))
}

/// Also of two processes in turn, and above what the asking one says it knows.
pub(crate) async fn each_is_above_all<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let circuit = "suite-epochs";
    let mut last = 0;
    for at in 0..10 {
        let asking = if at % 2 == 0 { &mut *one } else { &mut *other };
        let command = if at % 3 == 0 { FORCED } else { FleetCommand::Reset };
        let epoch = asking.command(circuit, command).await?;
        expect(epoch > last, || format!("epoch {epoch} comes after {last}"))?;
        last = epoch;
    }
    // As after the store has lost what a process still knows.
    let known = last + 1_000_000;
    let reply =
        one.ask(circuit, Ask::Command { known, command: FORCED, words: Words::default() }).await?;
    let newest = epoch(&reply)?;
    expect(newest > known, || format!("epoch {newest} comes where {known} is known"))?;
    let voted = epoch(&one.ask("suite-epochs-vote", vote(known, Cause::Votes)).await?)?;
    expect(voted > known, || format!("a vote gives epoch {voted} where {known} is known"))?;
    nobodys(one, last + 2 * DAY).await
}

/// What is further ahead of the store's clock than a day is nobody's, whoever says it is known.
async fn nobodys<S: Store>(player: &mut Player<S>, known: u64) -> Verdict {
    let command = Ask::Command { known, command: FORCED, words: Words::default() };
    let asks = [("suite-ahead-vote", vote(known, Cause::Votes)), ("suite-ahead-command", command)];
    for (circuit, ask) in asks {
        let given = epoch(&player.ask(circuit, ask).await?)?;
        expect(given < known, || format!("epoch {given} comes where nobody's {known} is known"))?;
    }
    Ok(())
}

/// By the process that was answered, and by another.
pub(crate) async fn what_was_answered_is_read<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let circuit = "suite-reads";
    let before = other.read(circuit).await?;
    expect(before.is_none(), || format!("{before:?} stands where nothing was written"))?;
    for _ in 0..10 {
        let written = one.command(circuit, FORCED).await?;
        for reading in [&mut *one, &mut *other] {
            let read = reading.read(circuit).await?.map_or(0, |word| word.record.epoch());
            expect(read == written, || format!("{read} is read after {written} was written"))?;
        }
    }
    // In one batch, too.
    let command =
        Ask::Command { known: 0, command: FleetCommand::Release, words: Words::default() };
    let replies = other.ask_all(circuit, vec![command, Ask::Read]).await?;
    let epochs: Vec<_> = replies.iter().map(epoch).collect::<Result<_, _>>()?;
    expect(epochs.first() == epochs.last(), || format!("a batch wrote and then read {epochs:?}"))
}

/// A verdict on an open epoch stands once, and one on an epoch that is over does not.
pub(crate) async fn verdicts_are_on_the_present<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let circuit = "suite-verdicts";
    let opened = epoch(&one.vote(circuit, Voter::Own).await?)?;
    let failing = Shown::Failing { open_for: LONG, step: 1 };
    let old = other.settle(circuit, opened - 1, Shown::Well).await?;
    expect(old.code == 0, || "a verdict on an earlier epoch stands".to_owned())?;
    let renewed = one.settle(circuit, opened, failing).await?;
    expect(renewed.code == 1, || "a verdict on the present epoch does not stand".to_owned())?;
    let second = other.settle(circuit, opened, Shown::Well).await?;
    expect(second.code == 0, || "a second verdict on one epoch stands".to_owned())?;
    let closed = other.settle(circuit, epoch(&renewed)?, Shown::Well).await?;
    let is_open = closed.word.as_ref().is_none_or(|word| word.record.is_open());
    expect(closed.code == 1 && !is_open, || "a good verdict has not closed it".to_owned())?;
    let late = one.settle(circuit, epoch(&closed)?, failing).await?;
    expect(late.code == 0, || "a verdict on a closed epoch stands".to_owned())?;
    restoring(one, circuit, &closed).await
}

/// What a process knows is taken where the store knows less, and not where it knows more.
async fn restoring<S: Store>(
    player: &mut Player<S>,
    circuit: &str,
    closed: &crate::request::Reply,
) -> Verdict {
    let record = closed.word.as_ref().ok_or("nothing stands there")?.record.clone();
    let elsewhere = "suite-restored";
    let restore = || Ask::Restore { record: record.clone(), left: Duration::ZERO };
    let taken = player.ask(elsewhere, restore()).await?;
    expect(taken.code == 1, || "what the store has lost is not restored".to_owned())?;
    player.command(circuit, FORCED).await?;
    let refused = player.ask(circuit, restore()).await?;
    expect(refused.code == 0, || "an older record is restored over a newer one".to_owned())
}
