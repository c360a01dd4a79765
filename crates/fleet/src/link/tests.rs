//! Several registries of one process, on a store in memory.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};
use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitState, Override};

use crate::counts::FleetRate;
use crate::identity::Identity;
use crate::link::{Link, Settings};
use crate::rate::Rate;
use crate::request::{Ask, Reply, Request};
use crate::store::{Change, Gone, MemoryStore, Refused, Store};
use crate::terms::Terms;

struct Part {
    registry: CircuitRegistry,
    link: Link,
    api: Circuit,
}

const OPEN: Duration = Duration::from_millis(300);

impl Part {
    async fn join(store: impl Store + 'static, number: u64, quorum: u32) -> Self {
        let registry = CircuitRegistry::with_template(|builder| {
            builder.consecutive_failures(1).open_for(OPEN)
        });
        let api = registry.get_or_create("api");
        let settings = Settings::new(Identity::named(format!("part-{number}"), number))
            .quorum(quorum)
            .vote_window(Duration::from_secs(1))
            .poll_interval(Duration::from_millis(50));
        let link = Link::share(store, &registry, settings);
        link.ready().await;
        Self { registry, link, api }
    }

    fn fail(&self) {
        let _ = self.api.run(|| Err::<(), _>("down"));
    }
}

async fn parts(store: &MemoryStore, quorum: u32) -> Vec<Part> {
    let mut parts = Vec::new();
    for number in 0..3 {
        parts.push(Part::join(store.clone(), number, quorum).await);
    }
    parts
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not in 20 s: {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

fn all_are(parts: &[Part], state: CircuitState) -> bool {
    parts.iter().all(|part| part.api.state() == state)
}

#[tokio::test]
async fn a_trip_is_known_to_all_and_one_probes_for_all() {
    let parts = parts(&MemoryStore::new(), 1).await;
    parts[0].fail();
    until("all open", || all_are(&parts, CircuitState::Open)).await;

    let (at_once, most, probes) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let call = async |part: &Part| {
        let called = part.api.call(async {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(50)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            probes.fetch_add(1, Ordering::SeqCst);
            Ok::<_, &str>(())
        });
        let _ = called.await;
    };
    let start = Instant::now();
    while !all_are(&parts, CircuitState::Closed) {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::join!(call(&parts[0]), call(&parts[1]), call(&parts[2]));
        sleep(Duration::from_millis(2)).await;
    }

    assert_eq!(most.load(Ordering::SeqCst), 1, "one at a time, and one was enough");
    assert_eq!(probes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn two_of_three_votes_open_all_and_one_does_not() {
    let parts = parts(&MemoryStore::with_partitions(16), 2).await;
    sleep(Duration::from_millis(1100)).await;

    parts[0].fail();
    sleep(Duration::from_millis(150)).await;
    assert!(all_are(&parts[1..], CircuitState::Closed));
    parts[1].fail();
    until("all open", || all_are(&parts, CircuitState::Open)).await;
}

#[tokio::test]
async fn an_order_reaches_all_with_its_words_and_who_joins_late_knows_it_at_once() {
    let store = MemoryStore::new();
    let parts = parts(&store, 1).await;
    let mut order = FleetOrder::new(FleetCommand::ForceOpen { lasting: None });
    order.actor = Some("ann".to_owned());

    parts[1].link.order("api", order).await.unwrap();

    let actor = |part: &Part| part.api.operators_override()?.actor.map(|actor| actor.to_string());
    let is_told = |part: &Part| actor(part).as_deref() == Some("ann");
    assert!(is_told(&parts[1]), "carried out here");
    until("all are forced", || parts.iter().all(is_told)).await;
    let late = Part::join(store.clone(), 9, 1).await;
    assert_eq!(late.api.snapshot().overridden, Some(Override::ForcedOpen));

    store.clear();
    let fleet = late.registry.fleet().unwrap();
    until("it is restored", || !store.is_empty()).await;
    fleet.command("api".into(), FleetCommand::Release).await.unwrap();
    until("all are released", || all_are(&parts, CircuitState::Closed)).await;
}

/// Answers nothing.
struct Away;

impl Store for Away {
    async fn ask(&mut self, _: &Terms, _: &[Request]) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        Err(Gone::new("on purpose"))
    }

    async fn changed(&mut self) -> Change {
        Change::Gone
    }
}

#[tokio::test]
async fn where_the_store_is_away_a_circuit_goes_by_itself() {
    let registry = CircuitRegistry::with_template(|b| b.consecutive_failures(1).open_for(OPEN));
    let api = registry.get_or_create("api");
    let link = Link::share(Away, &registry, Settings::new(Identity::named("alone", 1)));
    let _ = api.run(|| Err::<(), _>("down"));
    assert_eq!(api.state(), CircuitState::Open);

    let error = link.order("api", FleetOrder::new(FleetCommand::Reset)).await.unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    until("it recovers", || api.run(|| Ok::<_, &str>(())).is_ok()).await;

    let fleet = registry.fleet().unwrap();
    drop(link);
    until("the task has ended", || registry.fleet().is_some()).await;
    let error = fleet.command("api".into(), FleetCommand::Reset).await;
    assert!(error.is_err(), "the link has stopped");
}

/// A store in memory that refuses to read one circuit.
struct Picky {
    store: MemoryStore,
    agreed: Arc<AtomicU32>,
}

impl Store for Picky {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        let mut answers = self.store.ask(terms, batch).await?;
        for (request, answer) in batch.iter().zip(&mut answers) {
            if *request.circuit == *"odd" && request.ask == Ask::Read {
                *answer = Err(Refused::new("no record"));
            }
        }
        Ok(answers)
    }

    async fn changed(&mut self) -> Change {
        self.store.changed().await
    }

    fn agreed(&mut self) {
        self.agreed.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_keeps_nobody_waiting_and_is_no_agreement() {
    let (store, agreed) = (MemoryStore::new(), Arc::new(AtomicU32::new(0)));
    let picky = Picky { store: store.clone(), agreed: Arc::clone(&agreed) };
    let part = Part::join(picky, 1, 1).await;
    assert!(agreed.load(Ordering::SeqCst) > 0, "all was read");

    part.registry.get_or_create("odd");
    part.link.ready().await;
    let before = agreed.load(Ordering::SeqCst);
    part.link.ready().await;

    assert_eq!(agreed.load(Ordering::SeqCst), before, "one could not be read");
}

#[tokio::test(start_paused = true)]
async fn what_calls_of_all_meet_opens_the_circuit_though_none_trips_by_itself() {
    let store = MemoryStore::new();
    let rule = FleetRate {
        rate: Rate::new(0.2).unwrap(),
        minimum_calls: 20,
        over: Duration::from_secs(10),
        patience: Duration::from_secs(2),
    };
    let mut parts = Vec::new();
    for number in 0..3 {
        let registry =
            CircuitRegistry::with_template(|builder| builder.consecutive_failures(1_000_000));
        let api = registry.get_or_create("api");
        let settings = Settings::new(Identity::named(format!("part-{number}"), number))
            .quorum(2)
            .poll_interval(Duration::from_millis(200))
            .fleet_rate(rule, Duration::from_millis(500));
        let link = Link::share(store.clone(), &registry, settings);
        link.ready().await;
        parts.push(Part { registry, link, api });
    }

    let mut seconds = 0;
    while !all_are(&parts, CircuitState::Open) {
        assert!(seconds < 30, "not in 30 s");
        // Of the calls of one process half fail, of all a quarter.
        parts[0].fail();
        for part in &parts {
            let _ = part.api.run(|| Ok::<_, &str>(()));
        }
        sleep(Duration::from_secs(1)).await;
        seconds += 1;
    }

    assert!(seconds >= 5, "not before there were 20 calls: {seconds} s");
}
