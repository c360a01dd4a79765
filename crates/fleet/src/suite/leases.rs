//! Leases to probe.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::identity::Voter;
use crate::store::Store;
use crate::suite::player::{LONG, Player, Verdict, agree, epoch, expect, is_early, three};

/// With one place one has it, with two two do, whatever else is asked meanwhile.
pub(crate) async fn as_many_as_may<S: Store>(players: &mut [Player<S>]) -> Verdict {
    for places in [1, 2] {
        let circuit = format!("suite-places-{places}");
        agree(players, 1, places);
        let [one, second, third] = three(players)?;
        let opened = epoch(&one.vote(&circuit, Voter::Own).await?)?;
        let mut granted = 0;
        for player in [&mut *one, second, third] {
            granted += i64::from(player.lease(&circuit, opened, LONG).await?.0 == 1);
            player.read(&circuit).await?;
        }
        let is_so = granted == i64::from(places);
        expect(is_so, || format!("of {places} places {granted} were given to three"))?;
        let (code, _) = one.lease(&circuit, opened, LONG).await?;
        expect(code == 1, || "who has a lease and asks again has none".to_owned())?;
        let (code, _) = one.lease(&circuit, opened - 1, LONG).await?;
        expect(code == -1, || format!("a lease of an epoch that is over is {code}, not -1"))?;
    }
    Ok(())
}

/// Not sooner and not later, also when it is asked for again.
pub(crate) async fn each_for_its_time<S: Store>(players: &mut [Player<S>]) -> Verdict {
    let (circuit, lasts) = ("suite-lease", Duration::from_millis(600));
    agree(players, 1, 1);
    let [one, second, _] = three(players)?;
    let opened = epoch(&one.vote(circuit, Voter::Own).await?)?;
    let most = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
    let since = Instant::now();
    let (code, first) = one.lease(circuit, opened, lasts).await?;
    expect(code == 1, || "the first has no lease".to_owned())?;
    expect((1..=most).contains(&first), || format!("of {most} ms {first} ms are left"))?;
    sleep(lasts / 4).await;
    let (_, again) = one.lease(circuit, opened, LONG).await?;
    let (code, left) = second.lease(circuit, opened, LONG).await?;
    if !is_early(since, lasts) {
        return Ok(());
    }
    expect(again <= first, || format!("asked again it lasts {again} ms, not {first} ms"))?;
    expect(code == 0, || "the second has the lease of the first".to_owned())?;
    expect((0..=first).contains(&left), || format!("the second is told of {left} ms"))?;
    sleep(lasts / 2).await;
    let (code, _) = second.lease(circuit, opened, LONG).await?;
    let is_so = code == 0 || !is_early(since, lasts);
    expect(is_so, || format!("a lease of {lasts:?} is over after three quarters of that"))?;
    sleep(lasts / 2).await;
    let (code, _) = second.lease(circuit, opened, LONG).await?;
    expect(code == 1, || "a lease that is over is not given to the next".to_owned())
}
