//! A store that keeps all guarantees, and many of which each breaks one.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use crate::partition::MOST_PARTITIONS;
use crate::store::MemoryStore;
use crate::suite::tests::faulty::{Faulty, Planted};
use crate::suite::{Guarantee, run};

mod faulty;

async fn broken_by(planted: Planted) -> Vec<Guarantee> {
    let faulty = Faulty::new(planted);
    let broken = run(|| std::future::ready(faulty.clone())).await;
    broken.iter().map(|broken| broken.guarantee()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_keeps_all() {
    for partitions in 1..=MOST_PARTITIONS {
        let store = MemoryStore::with_partitions(partitions);
        let broken = run(|| std::future::ready(store.clone())).await;
        assert!(broken.is_empty(), "{partitions}: {broken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_planted_fault_is_found_by_the_guarantee_that_it_breaks() {
    let faults = [
        (Planted::LostLease, Guarantee::Leases),
        (Planted::DoubleGrant, Guarantee::Leases),
        (Planted::StaleRead, Guarantee::Reads),
        (Planted::TimeGoesBack, Guarantee::Clock),
        (Planted::LostMessage, Guarantee::Stream),
        (Planted::DoubledMessage, Guarantee::Stream),
        (Planted::ReorderedMessages, Guarantee::Stream),
        (Planted::EpochUsedTwice, Guarantee::Epochs),
        (Planted::VoteCountedTwice, Guarantee::Votes),
        (Planted::NumberGoesBack, Guarantee::Changes),
        (Planted::LeaseWithoutEnd, Guarantee::Leases),
        (Planted::Silence, Guarantee::Stream),
        (Planted::VerdictRaisesNoNumber, Guarantee::Changes),
        (Planted::NumberOfAnotherPartition, Guarantee::Changes),
        (Planted::LeaseOfHalfTheTime, Guarantee::Leases),
        (Planted::VoteOfATenthOfTheWindow, Guarantee::Votes),
        (Planted::RateNeedsAQuorum, Guarantee::Votes),
        (Planted::TwoStepsWhereTwoAskAtOnce, Guarantee::Steps),
        (Planted::StreamOfCommandsAlone, Guarantee::Stream),
        (Planted::OverrideWithoutEnd, Guarantee::Clock),
        (Planted::SecondLeaseForWhoAsksAgain, Guarantee::Leases),
        (Planted::KnownIsIgnoredByVotes, Guarantee::Votes),
        (Planted::ResetIsAnotherOverride, Guarantee::Epochs),
    ];
    for (planted, guarantee) in faults {
        let broken = broken_by(planted).await;
        assert!(broken.contains(&guarantee), "{planted:?}: {broken:?}");
        let exact = !matches!(planted, Planted::Silence | Planted::EpochUsedTwice);
        let others = broken.iter().filter(|broken| **broken != guarantee).count();
        assert!(!exact || others <= 1, "{planted:?} breaks more than that: {broken:?}");
    }
}
