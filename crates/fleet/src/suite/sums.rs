//! Sums of the whole fleet.

use std::time::Duration;

use tokio::time::sleep;

use crate::request::{Ask, Merge, Met, Reply, Sum};
use crate::store::Store;
use crate::suite::player::{Player, Verdict, expect, two};

const CIRCUIT: &str = "suite-sums";
const BUCKET: Duration = Duration::from_millis(100);
const BUCKETS: u32 = 10;

async fn merge<S: Store>(
    player: &mut Player<S>,
    epoch: u64,
    calls: u64,
    failures: u64,
) -> Result<Reply, String> {
    let met = vec![Met { circuit: CIRCUIT.into(), epoch, sum: Sum { calls, failures } }];
    let merge = Merge { partition: 0, buckets: BUCKETS, bucket: BUCKET, met };
    player.ask("", Ask::Merge(merge)).await
}

async fn sum<S: Store>(
    player: &mut Player<S>,
    epoch: u64,
    calls: u64,
    failures: u64,
) -> Result<Sum, String> {
    let reply = merge(player, epoch, calls, failures).await?;
    reply.sums.first().copied().ok_or_else(|| "a sum is not answered".to_owned())
}

/// Without anything to add.
async fn ask<S: Store>(player: &mut Player<S>) -> Result<Reply, String> {
    let merge = Merge { partition: 0, buckets: BUCKETS, bucket: BUCKET, met: Vec::new() };
    player.ask("", Ask::Merge(merge)).await
}

async fn number<S: Store>(player: &mut Player<S>) -> Result<i64, String> {
    Ok(player.ask("", Ask::Changes { partition: 0 }).await?.number)
}

/// Of all processes, of the present epoch, and of the window.
pub(crate) async fn are_of_all<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let [one, other] = two(players)?;
    let is = |sum: Sum, calls, failures, what: &str| {
        expect(sum == Sum { calls, failures }, || format!("{what}: {sum:?}"))
    };
    let (before, quiet) = (number(other).await?, merge(one, 5, 3, 0).await?);
    expect(quiet.failing_for.is_none(), || "without a failure it is failing".to_owned())?;
    is(sum(other, 5, 4, 2).await?, 7, 2, "two processes have added 3 and 4")?;
    is(sum(one, 6, 1, 1).await?, 1, 1, "the epoch is another")?;
    is(sum(other, 5, 9, 9).await?, 1, 1, "added late, of the epoch before")?;
    let told = number(other).await?;
    expect(told != before, || {
        "that calls fail is no change, so others do not learn it".to_owned()
    })?;
    let failing = ask(other).await?.failing_for;
    expect(failing.is_some(), || "others are not told that calls fail".to_owned())?;
    sleep(BUCKET * (BUCKETS + 2)).await;
    is(sum(one, 6, 2, 0).await?, 2, 0, "what was before the window counts")
}
