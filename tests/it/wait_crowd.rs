//! Rule 21: a thousand tasks that wait, and how often they are polled for that.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Service};
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::support::{Inner, SECOND, calls};
use crate::wait_mode::{circuit, waiting};

type Answer = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
enum Upstream {
    Takes(Duration),
    Hangs,
    Fails,
}

impl Upstream {
    fn answer(self) -> Answer {
        match self {
            Self::Takes(Duration::ZERO) => Box::pin(ready(Ok(()))),
            Self::Takes(time) => Box::pin(async move {
                sleep(time).await;
                Ok(())
            }),
            Self::Hangs => Box::pin(pending()),
            Self::Fails => Box::pin(ready(Err("down".into()))),
        }
    }
}

/// Tasks that wait each for one call to `circuit`, and how often all were polled.
struct Crowd {
    tasks: Vec<JoinHandle<()>>,
    polls: Arc<AtomicUsize>,
}

impl Crowd {
    async fn gather(circuit: &Circuit, size: usize, upstream: Upstream) -> Self {
        let polls = Arc::<AtomicUsize>::default();
        let waits = |_| {
            let inner = Inner::new(move |()| upstream.answer());
            let (mut service, polls) = (waiting(circuit, inner), Arc::clone(&polls));
            tokio::spawn(async move {
                let polled = poll_fn(|cx| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    Service::<()>::poll_ready(&mut service, cx)
                });
                polled.await.unwrap();
                let _ = service.call(()).await;
            })
        };
        let tasks = (0..size).map(waits).collect();
        while calls(&polls) < size {
            yield_now().await;
        }
        Self { tasks, polls }
    }

    fn polls(&self) -> usize {
        calls(&self.polls)
    }

    async fn served(&mut self) {
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }
}

/// The first poll of each, two for each probe (of its own task, and of the next, which takes over), and
/// the last of each.
#[tokio::test(start_paused = true)]
async fn a_thousand_waiters_are_polled_little_more_than_twice_each() {
    for (time, concurrent) in [(0, 1), (100, 1), (1_000, 1), (100, 7), (1_000, 50)] {
        let case = format!("{time} ms a call, {concurrent} at a time");
        let time = Duration::from_millis(time);
        let circuit = circuit(|b| b.probes(50).concurrent_probes(concurrent));
        circuit.trip();
        let mut crowd = Crowd::gather(&circuit, 1_000, Upstream::Takes(time)).await;
        let begun = Instant::now();

        crowd.served().await;

        assert!(crowd.polls() <= 2_100, "{case}: {} polls", crowd.polls());
        assert_eq!(circuit.state(), CircuitState::Closed, "{case}");
        let totals = circuit.snapshot().totals;
        assert_eq!((totals.successes + totals.stale, totals.rejected), (1_000, 0), "{case}");
        let needed = 30 * SECOND + time * (50_u32.div_ceil(concurrent) + 1);
        let took = begun.elapsed();
        assert!(took <= needed, "{case}: {took:?}, and no slot idle would be {needed:?}");
    }
}

/// An hour of probes that fail, or hang until their lease ends: a poll of each waiter in three minutes,
/// and never many at once.
#[tokio::test(start_paused = true)]
async fn a_thousand_waiters_are_polled_seldom_while_the_upstream_is_down() {
    for upstream in [Upstream::Fails, Upstream::Hangs] {
        let circuit = circuit(|b| b);
        circuit.trip();
        let crowd = Crowd::gather(&circuit, 1_000, upstream).await;

        for _ in 0..3_600 {
            let before = crowd.polls();
            sleep(SECOND).await;
            let at_once = crowd.polls() - before;
            assert!(at_once < 20, "{upstream:?}: {at_once} polls in a second");
        }

        // Each that fails reopens it; of those that hang, sixteen whose leases end.
        let least = if matches!(upstream, Upstream::Fails) { 100 } else { 6 };
        let reopened = circuit.snapshot().transitions.half_open_to_open;
        assert!(reopened >= least, "{upstream:?}: reopened {reopened} times");
        assert!(crowd.polls() < 20_000, "{upstream:?}: {} polls", crowd.polls());
    }
}
