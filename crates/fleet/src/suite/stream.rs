//! The stream of changes.

use tower_circuit_breaker::fleet::FleetCommand;

use crate::record::Cause;
use crate::request::{Ask, Shown};
use crate::store::{Change, Store};
use crate::suite::player::{LONG, Player, Verdict, agree, command, expect, two, vote};
use crate::word::Word;
use crate::words::Words;

const CIRCUITS: [&str; 2] = ["suite-stream-1", "suite-stream-2"];

/// Which circuit has changed, and the epoch of the change.
type WrittenEpoch = (String, u64);

/// Of all kinds of changes each once, those of a circuit in their order, and none where nothing changes.
pub(crate) async fn brings_each_once<S: Store>(players: &mut [Player<S>]) -> Verdict {
    agree(players, 1, 1);
    let [one, other] = two(players)?;
    // A store may say that it has missed some; then it is tried again, but not for ever.
    for _ in 0..3 {
        other.hear_all().await;
        let written = change_all(one).await?;
        let mut heard = Vec::new();
        while heard.len() < written.len() {
            match other.hear(&CIRCUITS).await? {
                Change::Circuit(word, circuit) => heard.push((circuit, word.record.epoch())),
                Change::Missed => break,
                Change::Gone => return Err("the store says that it is gone".to_owned()),
            }
        }
        if heard.len() == written.len() {
            // Of two circuits, which may be kept by two servers, there is no order.
            let is_whole =
                CIRCUITS.iter().all(|circuit| of(circuit, &heard).eq(of(circuit, &written)));
            expect(is_whole, || format!("{written:?} is heard as {heard:?}"))?;
            let more = other.hear(&CIRCUITS).await;
            return expect(more.is_err(), || format!("besides all changes comes {more:?}"));
        }
    }
    Err("of all changes some are missed, again and again".to_owned())
}

fn of<'a>(circuit: &str, changes: &'a [WrittenEpoch]) -> impl Iterator<Item = u64> + 'a {
    let circuit = circuit.to_owned();
    changes.iter().filter(move |(of, _)| *of == circuit).map(|(_, epoch)| *epoch)
}

/// What a vote, verdicts, commands and a restored record have changed, of two circuits in turn.
async fn change_all<S: Store>(player: &mut Player<S>) -> Result<Vec<WrittenEpoch>, String> {
    let mut written = Vec::new();
    let mut last = [0; 2];
    for change in CHANGES {
        for (circuit, last) in CIRCUITS.iter().zip(&mut last) {
            *last = write(player, circuit, change(*last), &mut written).await?.record.epoch();
        }
    }
    // Newer than what the first has become.
    let (known, words) = (last[0].max(last[1]), Words::default());
    let reset = Ask::Command { known, command: FleetCommand::Reset, words };
    let Word { record, left, .. } = write(player, CIRCUITS[1], reset, &mut written).await?;
    write(player, CIRCUITS[0], Ask::Restore { record, left }, &mut written).await?;
    Ok(written)
}

/// Each with the epoch of the one before.
const CHANGES: [fn(u64) -> Ask; 6] = [
    |_| command(FleetCommand::Reset),
    |known| vote(known, Cause::Votes),
    |epoch| Ask::Settle { epoch, shown: Shown::Failing { open_for: LONG, step: 1 } },
    |epoch| Ask::Settle { epoch, shown: Shown::Well },
    |_| command(FleetCommand::ForceClosed { lasting: None }),
    |_| command(FleetCommand::Release),
];

async fn write<S: Store>(
    player: &mut Player<S>,
    circuit: &str,
    ask: Ask,
    written: &mut Vec<WrittenEpoch>,
) -> Result<Word, String> {
    let what = format!("{ask:?}");
    let reply = player.ask(circuit, ask).await?;
    let word = reply.word.ok_or_else(|| format!("nothing stands there after {what}"))?;
    written.push((circuit.to_owned(), word.record.epoch()));
    Ok(word)
}
