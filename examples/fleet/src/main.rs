//! One verdict for a fleet: three gateway processes, one upstream, one Redis or PostgreSQL.
//!
//! ```text
//! cargo run -p fleet             # plays on until ctrl-c
//! cargo run -p fleet -- --once   # once; the exit status says how it went
//! ```
//!
//! `gateway.rs` and one half of `place.rs` are what an application would copy. All figures that are printed are measured.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

mod cli;
mod gateway;
mod member;
mod place;
mod store;
mod upstream;

use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, interval, sleep, timeout};
use tower::BoxError;

use crate::cli::Args;
use crate::gateway::{OPEN_FOR, VOTE_WINDOW};
use crate::member::Member;
use crate::place::Place;
use crate::store::Store;
use crate::upstream::Upstream;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match cli::parse() {
        Ok(args) => args,
        Err(status) => return status,
    };
    let played = tokio::select! {
        played = run(&args) => played,
        _ = tokio::signal::ctrl_c(), if args.gateway.is_none() => Ok(()),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), BoxError> {
    if let (Some(name), Some(place), Some(upstream)) =
        (&args.gateway, Place::named(args), args.upstream)
    {
        return gateway::run(name, place, upstream).await;
    }
    loop {
        play(args).await?;
        if args.once {
            return Ok(());
        }
    }
}

/// All scenes; an error where one does not end as it should.
async fn play(args: &Args) -> Result<(), BoxError> {
    let upstream = Upstream::start().await?;
    let named = Place::named(args);
    let mut store = if named.is_none() { Some(Store::start()?) } else { None };
    let own = store.as_ref().map_or_else(String::new, |store| store.url().to_owned());
    let place = named.unwrap_or(Place::Redis(&own));
    if let Place::Redis(url) = place {
        reachable(url).await?;
    }
    let starting =
        ["web-1", "web-2", "web-3"].map(|name| Member::start(name, place, upstream.address()));
    let mut members = Vec::new();
    for member in join_all(starting).await {
        members.push(member?);
    }

    let load = async {
        let mut ticks = interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            join_all(members.iter().map(Member::call)).await;
        }
    };
    let shown = tokio::select! {
        shown = scenes(&members, &upstream, store.as_mut()) => shown,
        () = load => Ok(()),
    };
    join_all(members.into_iter().map(Member::end)).await;
    shown
}

async fn scenes(
    members: &[Member],
    upstream: &Upstream,
    store: Option<&mut Store>,
) -> Result<(), BoxError> {
    until("every gateway answers", || members.iter().all(|member| member.seen().answered > 5))
        .await?;
    println!("Three gateways answer; {} calls so far.", upstream.calls());
    // What has just started may be what is at fault: until then all three have one vote together.
    sleep(VOTE_WINDOW).await;

    outage(members, upstream).await?;
    recovery(members, upstream).await?;
    match store {
        Some(store) => without_redis(members, upstream, store).await,
        None => {
            println!("The store is not ours to kill.");
            Ok(())
        }
    }
}

async fn outage(members: &[Member], upstream: &Upstream) -> Result<(), BoxError> {
    println!("The upstream dies.");
    upstream.die();
    until("every gateway is open", || members.iter().all(|member| member.is("open"))).await?;
    let opened = opened(members);
    let (first, last) = (opened.iter().min(), opened.iter().max());
    let spread = first.zip(last).map(|(first, last)| *last - *first).unwrap_or_default();
    println!("  All three circuits are open, the last {spread:.1?} after the first.");

    // While it is open nothing reaches the upstream; when that is over, one probe does.
    let before = upstream.calls();
    until("a probe reaches the upstream", || upstream.calls() > before).await?;
    until("the probe's verdict is there", || {
        turns(members) > 0 && members.iter().all(|member| member.is("open"))
    })
    .await?;
    let probes = upstream.calls() - before;
    println!("  The open time ends: {probes} probe for all three, and it fails.");
    expect(probes == 1, "one probe for the fleet")
}

async fn recovery(members: &[Member], upstream: &Upstream) -> Result<(), BoxError> {
    println!("The upstream comes back.");
    upstream.come_back();
    let before = upstream.calls();
    let asked = Instant::now();
    until("every circuit is closed", || members.iter().all(|member| member.is("closed"))).await?;
    println!("  All three are closed again after {:.1?}.", asked.elapsed());
    println!("  {} turns to probe in all, each by one process.", turns(members));
    expect(upstream.calls() > before, "a probe found it")?;
    expect(turns(members) == 2, "one process probed each time")
}

/// Redis goes while the upstream is down: no more probes than each gateway would make alone.
async fn without_redis(
    members: &[Member],
    upstream: &Upstream,
    store: &mut Store,
) -> Result<(), BoxError> {
    println!("The upstream dies again, and then Redis.");
    upstream.die();
    until("every gateway is open", || members.iter().all(|member| member.is("open"))).await?;
    store.kill().await?;
    let (begun, before) = (Instant::now(), upstream.calls());
    until("every gateway knows", || {
        members.iter().all(|member| member.seen().store == "disconnected")
    })
    .await?;
    sleep(4 * OPEN_FOR).await;
    let (probes, lasted) = (upstream.calls() - before, begun.elapsed());
    // Alone each probes once when an open time is over, and one may have been about to end.
    let alone = lasted.as_millis() / OPEN_FOR.as_millis() + 1;
    let most = u64::try_from(alone)? * u64::try_from(members.len())?;
    println!(
        "  In {lasted:.1?} {probes} probes reached it; three gateways alone make {most} at most."
    );
    expect(probes > 0, "each goes on by itself")?;
    expect(probes <= most, "no more probes than without a fleet")?;

    println!("The upstream comes back, Redis does not.");
    upstream.come_back();
    until("every circuit is closed", || members.iter().all(|member| member.is("closed"))).await?;
    let before: Vec<_> = members.iter().map(Member::seen).collect();
    let enough =
        |(member, before): (&Member, &member::Seen)| member.seen().answered >= before.answered + 50;
    until("calls go on", || members.iter().zip(&before).all(enough)).await?;
    for (member, before) in members.iter().zip(&before) {
        let now = member.seen();
        let (answered, lost) = (now.answered - before.answered, now.failed - before.failed);
        println!("  {}: {answered} calls answered since, {lost} failed.", member.name);
        expect(lost == 0 && now.rejected == before.rejected, "no call fails without Redis")?;
    }
    Ok(())
}

/// How often a process took its turn to probe.
fn turns(members: &[Member]) -> u32 {
    members.iter().map(|member| member.seen().half_opens).sum()
}

/// When each went open for the last time.
fn opened(members: &[Member]) -> Vec<Instant> {
    let opened = |member: &Member| member.seen().state.map(|(_, since)| since);
    members.iter().filter_map(opened).collect()
}

/// Waits until Redis answers, but not for ever.
async fn reachable(url: &str) -> Result<(), BoxError> {
    let client = redis::Client::open(url)?;
    let connected = async {
        while client.get_multiplexed_async_connection().await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let late = |_| "Redis does not answer within 5 s: is the URL right?";
    Ok(timeout(Duration::from_secs(5), connected).await.map_err(late)?)
}

async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<(), BoxError> {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(20), waiting)
        .await
        .map_err(|_| format!("{what}: not in 20 s").into())
}

fn expect(is_so: bool, what: &str) -> Result<(), BoxError> {
    if is_so { Ok(()) } else { Err(format!("it was not so: {what}").into()) }
}
