//! The stream of changes.

use tower_circuit_breaker::fleet::FleetCommand;

use crate::store::{Change, Store};
use crate::suite::player::{Player, Verdict, expect, two};

const CIRCUITS: [&str; 2] = ["suite-stream-1", "suite-stream-2"];

/// Of ten changes each once, in their order, and none where nothing changes.
pub(crate) async fn brings_each_once<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    // A store may say that it has missed some; then it is tried again, but not for ever.
    for _ in 0..3 {
        other.hear_all().await;
        let mut written = Vec::new();
        for at in 0..10 {
            let circuit = CIRCUITS[at % 2];
            let command = FleetCommand::ForceClosed { lasting: None };
            written.push((circuit.to_owned(), one.command(circuit, command).await?));
        }
        let mut heard = Vec::new();
        while heard.len() < written.len() {
            match other.hear(&CIRCUITS).await? {
                Change::Circuit(word, circuit) => heard.push((circuit, word.record.epoch())),
                Change::Missed => break,
                Change::Gone => return Err("the store says that it is gone".to_owned()),
            }
        }
        if heard.len() == written.len() {
            expect(heard == written, || format!("{written:?} is heard as {heard:?}"))?;
            let more = other.hear(&CIRCUITS).await;
            return expect(more.is_err(), || format!("besides all changes comes {more:?}"));
        }
    }
    Err("of ten changes some are missed, again and again".to_owned())
}
