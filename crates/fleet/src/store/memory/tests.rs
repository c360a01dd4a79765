#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use tower_circuit_breaker::fleet::FleetCommand;

use super::*;
use crate::identity::Identity;
use crate::words::Words;

/// The epoch and the number of changes after a circuit was forced open.
async fn forced(store: &mut MemoryStore, circuit: &str, known: u64) -> (u64, i64) {
    let terms = Terms {
        identity: Identity::named("process", 1),
        quorum: 1,
        vote_window: Duration::from_secs(1),
        fleet_probes: 1,
    };
    let command = FleetCommand::ForceOpen { lasting: None };
    let command = Ask::Command { known, command, words: Words::default() };
    let batch = [command, Ask::Changes { partition: 0 }]
        .map(|ask| Request { circuit: circuit.into(), ask });
    let replies = store.ask(&terms, &batch).await.unwrap();
    let [forced, changes] = [0, 1].map(|at| replies[at].clone().unwrap());
    (forced.word.unwrap().record.epoch(), changes.number)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_cleared_uses_no_epoch_and_no_number_twice() {
    for pause in [Duration::ZERO, Duration::from_millis(1)] {
        let mut store = MemoryStore::new();
        let (mut epochs, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for round in 0..20 {
            for change in 0..3 {
                let (epoch, number) = forced(&mut store, "api", 0).await;
                assert!(epochs.insert(epoch), "{pause:?}, {round}, {change}: {epoch} again");
                assert!(numbers.insert(number), "{pause:?}, {round}, {change}: {number} again");
            }
            store.clear();
            tokio::time::advance(pause).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_known_ahead_of_the_clock_is_not_used_again_after_it_was_cleared() {
    let mut store = MemoryStore::new();
    let ahead = forced(&mut store, "api", 5_000_000_000).await;
    store.clear();
    store.clear();
    let (epoch, number) = forced(&mut store, "api", 0).await;

    assert!(epoch > ahead.0 && number > ahead.1, "{epoch}, {number} after {ahead:?}");
}
