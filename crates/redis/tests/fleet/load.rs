//! Callers that never rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tower_circuit_breaker::{Circuit, Error};

use crate::nodes::{Node, until};

/// An upstream that is up or down, and who is there.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    pub(crate) is_down: AtomicBool,
    running: AtomicU64,
    most: AtomicU64,
    calls: AtomicU64,
}

impl Upstream {
    pub(crate) async fn answer(&self, takes: Duration) -> Result<(), &'static str> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let is_down = self.is_down.load(Ordering::SeqCst);
        tokio::time::sleep(takes).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        if is_down { Err("down") } else { Ok(()) }
    }

    /// How many calls it has had.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many calls it has had at once, at most, since this was asked last.
    pub(crate) fn take_most(&self) -> u64 {
        self.most.swap(0, Ordering::SeqCst)
    }
}

/// Two callers for each node, until it is stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<(JoinHandle<()>, Arc<AtomicU64>)>,
    circuits: Vec<Circuit>,
}

impl Load {
    pub(crate) fn on(nodes: &[Node], upstream: &Arc<Upstream>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let twice = nodes.iter().chain(nodes);
        let callers = twice.map(|node| {
            let done = Arc::new(AtomicU64::new(0));
            let (circuit, upstream) = (node.api.clone(), Arc::clone(upstream));
            let caller = call_on(circuit, upstream, Arc::clone(&stop), Arc::clone(&done));
            (tokio::spawn(caller), done)
        });
        let callers = callers.collect();
        Self { stop, callers, circuits: nodes.iter().map(|node| node.api.clone()).collect() }
    }

    /// Waits until each caller has had another hundred calls answered: one that waits for Redis has not.
    pub(crate) async fn goes_on(&self) {
        let before: Vec<_> = self.counts().collect();
        until("each caller goes on", || {
            self.counts().zip(&before).all(|(now, before)| now >= before + 100)
        })
        .await;
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        self.callers.iter().map(|(_, done)| done.load(Ordering::SeqCst))
    }

    /// Stops, and sees that every call was counted as one thing.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        let calls: u64 = {
            let mut calls = 0;
            for (caller, done) in self.callers {
                caller.await.unwrap();
                calls += done.load(Ordering::SeqCst);
            }
            calls
        };
        let counted = self.circuits.iter().map(|circuit| circuit.snapshot().totals);
        let counted: u64 = counted
            .map(|t| t.successes + t.failures + t.ignored + t.abandoned + t.stale + t.rejected)
            .sum();
        assert!(counted >= calls, "{calls} calls, but {counted} counted");
    }
}

async fn call_on(
    circuit: Circuit,
    upstream: Arc<Upstream>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
) {
    while !stop.load(Ordering::SeqCst) {
        let result = circuit.call(upstream.answer(Duration::ZERO)).await;
        if let Err(Error::Inner(error)) = result {
            assert_eq!(error, "down", "an error that the upstream did not give");
        }
        done.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
