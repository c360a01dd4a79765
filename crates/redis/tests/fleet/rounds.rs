//! Recoveries, again and again: who probes, and how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::load::Upstream;
use crate::nodes::{Node, fail, link, registry, until};
use crate::server::Server;

/// Several times what Redis takes to answer on a machine that has much else to do: a process that has not
/// heard from it by then probes by itself.
const OPEN: Duration = Duration::from_millis(400);

/// Calls of `circuits`, one after another each, for as long as `goes_on` says.
fn callers(
    circuits: &[Circuit],
    upstream: &Arc<Upstream>,
    goes_on: &Arc<AtomicBool>,
) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for circuit in circuits {
        let (circuit, upstream, goes_on) =
            (circuit.clone(), Arc::clone(upstream), Arc::clone(goes_on));
        callers.spawn(async move {
            while goes_on.load(Ordering::SeqCst) {
                let probe = async {
                    // The fleet may have closed it just now: then this is no probe.
                    if circuit.state() == CircuitState::Closed {
                        return Ok(());
                    }
                    upstream.answer(Duration::from_millis(10)).await
                };
                if circuit.state() != CircuitState::Closed {
                    let _ = circuit.call(probe).await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    callers
}

/// So many rounds of trip, failed probe and recovery of one circuit; gives the most probes at once,
/// and all of them.
async fn recover(fleet: Vec<Circuit>, rounds: u32, done: Arc<AtomicU64>) -> (u64, u64, u64) {
    let upstream = Arc::new(Upstream::default());
    let goes_on = Arc::new(AtomicBool::new(true));
    let callers = callers(&fleet, &upstream, &goes_on);
    let mut expected = 0;
    for round in 0..rounds {
        let first = &fleet[round as usize % fleet.len()];
        let fails_first = round % 3 == 0;
        upstream.is_down.store(fails_first, Ordering::SeqCst);
        let (before, known) = (upstream.calls(), fleet.iter().map(Circuit::fleet_epoch).max());
        fail(first);
        // It may have recovered by then, on a machine that is as slow as that.
        until("all have heard", || fleet.iter().all(|c| Some(c.fleet_epoch()) > known)).await;
        if fails_first {
            until("a probe fails", || upstream.calls() > before).await;
            upstream.is_down.store(false, Ordering::SeqCst);
        }
        until("all closed", || fleet.iter().all(|c| c.state() == CircuitState::Closed)).await;
        expected += 1 + u64::from(fails_first);
        done.fetch_add(1, Ordering::SeqCst);
    }
    goes_on.store(false, Ordering::SeqCst);
    callers.join_all().await;
    (upstream.take_most(), upstream.calls(), expected)
}

/// Leases that ended without a verdict, seen by all nodes.
fn count_ended_leases(nodes: &[Node]) -> Arc<AtomicU64> {
    use tower_circuit_breaker::{ChangeReason, CircuitEvent};
    let ended = Arc::new(AtomicU64::new(0));
    for node in nodes {
        let ended = Arc::clone(&ended);
        node.registry.on_event(move |event: &CircuitEvent| {
            if matches!(event, CircuitEvent::StateChanged { reason: ChangeReason::LeaseOver, .. }) {
                ended.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    ended
}

async fn probes_never_exceed(limit: u32, circuits: u32, rounds: u32) {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for at in 0..5 {
        let builder = link(server.url())
            .node(format!("node-{at}"))
            .fleet_probes(limit)
            .response_timeout(Duration::from_secs(2));
        nodes.push(Node::join(builder, registry(OPEN)).await);
    }
    let (ended, done) = (count_ended_leases(&nodes), Arc::new(AtomicU64::new(0)));
    let mut fleets = JoinSet::new();
    for at in 0..circuits {
        let of = |node: &Node| node.registry.get_or_create(&format!("upstream-{at}"));
        fleets.spawn(recover(nodes.iter().map(of).collect(), rounds, Arc::clone(&done)));
    }

    while let Some(fleet) = fleets.join_next().await {
        let (most, calls, expected) = fleet.unwrap();
        let ended = ended.load(Ordering::SeqCst);
        let limit = u64::from(limit);
        assert!(most <= limit + ended, "{most} probes at once; {ended} leases ended");
        assert!(calls >= expected, "{calls} probes");
        assert!(calls <= expected * limit + ended, "{calls} probes for {expected} verdicts");
    }
    assert_eq!(done.load(Ordering::SeqCst), u64::from(circuits * rounds));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn in_200_recoveries_of_5_processes_one_probes_at_a_time() {
    probes_never_exceed(1, 20, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn in_60_recoveries_of_5_processes_two_probe_at_a_time() {
    probes_never_exceed(2, 12, 5).await;
}
