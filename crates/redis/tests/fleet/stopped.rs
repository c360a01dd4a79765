//! A process that is stopped while it may probe, and goes on when another may.
//!
//! It is the test binary again, with a caller that never rests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::child::{self, Child, say};
use crate::nodes::{Node, fail, link, registry, until, watch_for};
use crate::server::Server;

/// The name of the test that is run as a child.
const PLAY: &str = "stopped::play_a_process_that_is_stopped";
const OPEN: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(1);

/// No caller rests for so long unless it is stopped.
const GAP: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn who_was_stopped_while_it_might_probe_does_not_while_another_may() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()).probe_lease(20 * LEASE), registry(OPEN)).await;
    let mut stopped = Child::play(PLAY, &server.url(), |process| process);
    assert_eq!(stopped.hear(), "joined");
    fail(&node.api);
    assert_eq!(stopped.hear(), "probing");

    stopped.signal("-STOP");
    let mut probe = None;
    until("the lease goes on to another", || {
        probe = probe.take().or_else(|| node.api.try_acquire().ok());
        probe.is_some()
    })
    .await;
    assert_eq!(node.api.state(), CircuitState::HalfOpen);
    watch_for(GAP).await;
    stopped.signal("-CONT");
    watch_for(3 * GAP).await;

    assert_eq!(stopped.ask("how many?"), "0", "probes of a process whose lease was over");
    assert_eq!(node.api.state(), CircuitState::HalfOpen, "the other probes all the while");
    drop(probe);
}

#[test]
#[ignore = "run by the test above, as a child"]
fn play_a_process_that_is_stopped() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let node = runtime.block_on(Node::join(link(child::url()).probe_lease(LEASE), registry(OPEN)));
    say("joined");
    runtime.block_on(until("it is open", || node.api.state() == CircuitState::Open));
    let (api, probes) = (node.api, Arc::<AtomicU64>::default());
    let goes_on = Arc::new(AtomicBool::new(true));
    let caller = std::thread::spawn({
        let (probes, goes_on) = (Arc::clone(&probes), Arc::clone(&goes_on));
        move || knock(&api, &probes, &goes_on, || say("probing"))
    });
    std::io::stdin().lines().next().unwrap().unwrap();
    goes_on.store(false, Ordering::SeqCst);
    caller.join().unwrap();
    say(probes.load(Ordering::SeqCst));
}

/// Calls that say nothing; counts those that are let in after the process was stopped.
fn knock(api: &Circuit, probes: &AtomicU64, goes_on: &AtomicBool, say: impl Fn()) {
    let (mut last, mut was_stopped, mut has_probed) = (Instant::now(), false, false);
    while goes_on.load(Ordering::SeqCst) {
        was_stopped |= last.elapsed() > GAP;
        last = Instant::now();
        if api.try_acquire().is_ok() {
            probes.fetch_add(u64::from(was_stopped), Ordering::SeqCst);
            if !has_probed {
                say();
                has_probed = true;
            }
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
