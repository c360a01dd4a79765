//! The load: callers of the gateway, through real HTTP, and what they meet.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tower_circuit_breaker::CircuitState;

use crate::lane::Lane;
use crate::routes::REJECTED_BY;

/// What callers met.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
    /// Of calls without a good answer, begun while the circuit was closed.
    pub(crate) failing_before_trip: Latencies,
    /// The same, begun while it was not: probes and rejections.
    pub(crate) failing_after_trip: Latencies,
    /// The rejections among those.
    pub(crate) rejected_after_trip: Latencies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Answer,
    Failure,
    Rejection,
}

impl Tally {
    pub(crate) fn calls(&self) -> u64 {
        self.answered + self.failed + self.rejected
    }

    fn add(&mut self, met: Met, begun_in: CircuitState, took: Duration) {
        match met {
            Met::Answer => self.answered += 1,
            Met::Failure => self.failed += 1,
            Met::Rejection => self.rejected += 1,
        }
        match (met, begun_in) {
            (Met::Answer, _) => {}
            (_, CircuitState::Closed) => self.failing_before_trip.add(took),
            (_, CircuitState::Open | CircuitState::HalfOpen) => {
                self.failing_after_trip.add(took);
                if met == Met::Rejection {
                    self.rejected_after_trip.add(took);
                }
            }
        }
    }
}

/// The last so many latencies.
#[derive(Debug, Default)]
pub(crate) struct Latencies(VecDeque<Duration>);

impl Latencies {
    fn add(&mut self, took: Duration) {
        self.0.truncate(KEPT - 1);
        self.0.push_front(took);
    }

    /// The latency that `percent` of them do not exceed; `None` when there are none.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = Vec::from_iter(self.0.iter().copied());
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.checked_sub(1)?).copied()
    }
}

/// Callers at work.
#[derive(Debug)]
pub(crate) struct Load {
    callers: JoinSet<()>,
    end: watch::Sender<bool>,
}

impl Load {
    pub(crate) fn start(lanes: &Arc<[Lane; 2]>, gateway: SocketAddr) -> Self {
        let (end, ended) = watch::channel(false);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let callers = (0..lanes.len())
            .map(|lane| {
                let caller = Caller { lanes: Arc::clone(lanes), lane, client: client.clone() };
                caller.keep_calling(gateway, ended.clone())
            })
            .collect();
        Self { callers, end }
    }

    /// Makes no more calls, and waits for the last answers.
    pub(crate) async fn finish(mut self) {
        self.end.send_replace(true);
        while self.callers.join_next().await.is_some() {}
    }
}

/// Calls one upstream through the gateway.
#[derive(Clone)]
struct Caller {
    lanes: Arc<[Lane; 2]>,
    lane: usize,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Caller {
    async fn keep_calling(self, gateway: SocketAddr, mut ended: watch::Receiver<bool>) {
        let route = self.lanes[self.lane].route();
        let uri: Uri =
            format!("http://{gateway}{route}/hello").parse().expect("made of good parts");
        let mut ticks = interval(BETWEEN_CALLS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut calls = JoinSet::new();
        while !*ended.borrow() {
            tokio::select! {
                _ = ticks.tick() => {
                    while calls.try_join_next().is_some() {}
                    if calls.len() < MOST_AT_ONCE {
                        calls.spawn(self.clone().call(uri.clone()));
                    }
                }
                _ = ended.changed() => {}
            }
        }
        calls.join_all().await;
    }

    async fn call(self, uri: Uri) {
        let lane = &self.lanes[self.lane];
        let (begun, begun_in) = (Instant::now(), lane.circuit.state());
        let request = Request::get(uri).body(Empty::new()).expect("made of good parts");
        let met = match self.client.request(request).await {
            Ok(response) => meet(response).await,
            Err(_) => Met::Failure,
        };
        lane.tally().add(met, begun_in, begun.elapsed());
    }
}

/// Reads the response to its end.
async fn meet(response: Response<Incoming>) -> Met {
    let is_rejection = response.headers().contains_key(REJECTED_BY);
    let is_good = response.status().is_success();
    match response.into_body().collect().await {
        Ok(_) if is_rejection => Met::Rejection,
        Ok(_) if is_good => Met::Answer,
        _ => Met::Failure,
    }
}

/// 50 calls per second for each upstream.
const BETWEEN_CALLS: Duration = Duration::from_millis(20);
/// Above what 50 calls per second can have under way before the deadline ends them.
const MOST_AT_ONCE: usize = 64;
/// Enough for an exact 99th percentile, and little memory however long it plays.
const KEPT: usize = 10_000;
