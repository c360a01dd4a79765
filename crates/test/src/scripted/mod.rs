//! A service that answers from a script.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::answer::{Answer, Delay, End};
use crate::lock::lock;
use crate::scripted::future::ScriptedFuture;
use std::sync::{Arc, Mutex};
use tower_circuit_breaker::Clock;

pub(crate) mod future;

/// A service that answers from a script, and tells afterwards what was asked of it.
///
/// Clones answer from one script and count together: keep one to look at, and give the other to
/// the stack that is tested. Needs no runtime.
///
/// # Panics
///
/// A call panics when the script is over, and when the service was not seen ready for it.
///
/// # Examples
///
/// ```
/// use tower::{Layer, ServiceExt};
/// use tower_circuit_breaker_test::{Answer, ScriptedService, assert_open, assert_rejected};
/// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let circuit = Circuit::builder("plants").consecutive_failures(2).build();
/// let upstream = ScriptedService::new([Answer::err("refused"), Answer::<u16, _>::err("reset")]);
/// let client = CircuitBreakerLayer::new(circuit.clone()).layer(upstream.clone());
///
/// for plant in ["aloe", "basil"] {
///     assert!(client.clone().oneshot(plant).await.is_err());
/// }
/// assert_open(&circuit);
/// assert_rejected(client.clone().oneshot("cactus").await);
///
/// assert_eq!(upstream.take_requests(), ["aloe", "basil"]);
/// upstream.assert_over();
/// # }
/// ```
pub struct ScriptedService<Req, T, E> {
    script: Arc<Mutex<Script<Req, T, E>>>,
    /// Of this instance alone: what is reserved for one is not another's to use.
    is_ready: bool,
}

type Otherwise<T, E> = Arc<dyn Fn() -> Answer<T, E> + Send + Sync>;

struct Script<Req, T, E> {
    answers: VecDeque<Answer<T, E>>,
    otherwise: Option<Otherwise<T, E>>,
    requests: Vec<Req>,
    seen: Seen,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    written: u64,
    calls: u64,
    ready_polls: u64,
    in_flight: u64,
    dropped: u64,
}

impl<Req, T, E> ScriptedService<Req, T, E> {
    /// Makes a service that gives these answers, one for each call.
    pub fn new<A: Into<Answer<T, E>>>(answers: impl IntoIterator<Item = A>) -> Self {
        let script = Script {
            answers: VecDeque::new(),
            otherwise: None,
            requests: Vec::new(),
            seen: Seen::default(),
        };
        let service = Self { script: Arc::new(Mutex::new(script)), is_ready: false };
        answers.into_iter().for_each(|answer| service.push(answer));
        service
    }

    /// Adds an answer at the end of the script.
    pub fn push(&self, answer: impl Into<Answer<T, E>>) {
        let answer = answer.into();
        let mut script = lock(&self.script);
        script.seen.written += 1;
        script.answers.push_back(answer);
    }

    /// Answers what comes after the script, instead of panicking.
    #[must_use]
    pub fn then_always<F>(self, answer: F) -> Self
    where
        F: Fn() -> Answer<T, E> + Send + Sync + 'static,
    {
        lock(&self.script).otherwise = Some(Arc::new(answer));
        self
    }

    /// Returns the number of calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.seen().calls
    }

    /// Returns how often the service was asked whether it is ready.
    #[must_use]
    pub fn ready_polls(&self) -> u64 {
        self.seen().ready_polls
    }

    /// Returns the number of calls that have neither ended nor been dropped.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.seen().in_flight
    }

    /// Returns the number of calls that were dropped before they ended.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.seen().dropped
    }

    /// Returns the requests since this was last asked, in order.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Req> {
        std::mem::take(&mut lock(&self.script).requests)
    }

    /// Panics unless every answer of the script was asked for.
    ///
    /// # Panics
    ///
    /// When some were not.
    #[track_caller]
    pub fn assert_over(&self) {
        let left = lock(&self.script).answers.len();
        let written = self.seen().written;
        assert!(left == 0, "of the {written} answers of the script, {left} were not asked for");
    }

    fn seen(&self) -> Seen {
        lock(&self.script).seen
    }

    /// The answer to the next call.
    fn next(&self, request: Req) -> Answer<T, E> {
        let mut script = lock(&self.script);
        script.seen.calls += 1;
        script.requests.push(request);
        if let Some(answer) = script.answers.pop_front() {
            return answer;
        }
        let Seen { written, calls, .. } = script.seen;
        let otherwise = script.otherwise.clone();
        drop(script);
        // User code, so not under the lock; and a panic of our own is not to poison it.
        let Some(otherwise) = otherwise else {
            panic!(
                "the script of {written} answers is over, and call {calls} came: \
                 add an answer, or say what follows with `then_always`"
            )
        };
        otherwise()
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut lock(&self.script).seen);
    }
}

impl<Req, T, E> Service<Req> for ScriptedService<Req, T, E> {
    type Response = T;
    type Error = E;
    type Future = ScriptedFuture<Req, T, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let mut script = lock(&self.script);
        script.seen.ready_polls += 1;
        if self.is_ready {
            return Poll::Ready(Ok(()));
        }
        if let Some(next) = script.answers.front_mut() {
            if next.not_ready > 0 {
                next.not_ready -= 1;
                drop(script);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let is_unready =
            script.answers.front().is_some_and(|next| matches!(next.end, End::Unready(_)));
        let unready = if is_unready { script.answers.pop_front() } else { None };
        if let Some(Answer { end: End::Unready(error), .. }) = unready {
            return Poll::Ready(Err(error));
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "the scripted service was called without having been ready"
        );
        let Answer { delay, end, .. } = self.next(request);
        if let End::PanicInCall(message) = end {
            panic!("{message}");
        }
        self.change(|seen| seen.in_flight += 1);
        let delay = match delay {
            Delay::Time(clock, time) => {
                let due = clock.now().saturating_add(time);
                Delay::Time(clock, due)
            }
            other => other,
        };
        ScriptedFuture { service: self.clone(), pending: Some((delay, end)) }
    }
}

/// Clones share the script and forget readiness.
impl<Req, T, E> Clone for ScriptedService<Req, T, E> {
    fn clone(&self) -> Self {
        Self { script: Arc::clone(&self.script), is_ready: false }
    }
}

impl<Req, T, E> fmt::Debug for ScriptedService<Req, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = lock(&self.script);
        f.debug_struct("ScriptedService")
            .field("answers_left", &script.answers.len())
            .field("seen", &script.seen)
            .finish_non_exhaustive()
    }
}
