//! What a scripted service does with one call.

use std::fmt;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::lock::lock;
use std::sync::{Arc, Mutex};
use tower_circuit_breaker::{Clock, ManualClock};

/// One line of the script of a [`ScriptedService`](super::ScriptedService).
///
/// A plain `Result` is one, too: an answer at the first poll.
#[derive(Debug)]
#[must_use = "an answer is given by a `ScriptedService`"]
pub struct Answer<T, E> {
    pub(super) not_ready: u32,
    pub(super) delay: Delay,
    pub(super) end: End<T, E>,
}

/// What a call waits for before it ends.
#[derive(Debug)]
pub(super) enum Delay {
    None,
    Polls(u32),
    Time(ManualClock, Duration),
    Gate(Gate),
}

#[derive(Debug)]
pub(super) enum End<T, E> {
    Result(Result<T, E>),
    Panic(String),
    PanicInCall(String),
    Never,
    Unready(E),
}

impl<T, E> Answer<T, E> {
    /// Answers with `response`.
    pub const fn ok(response: T) -> Self {
        Self::new(End::Result(Ok(response)))
    }

    /// Answers with `error`.
    pub const fn err(error: E) -> Self {
        Self::new(End::Result(Err(error)))
    }

    /// Hangs until the call is dropped.
    pub const fn never() -> Self {
        Self::new(End::Never)
    }

    /// Panics while the call is polled.
    pub fn panics(message: impl Into<String>) -> Self {
        Self::new(End::Panic(message.into()))
    }

    /// Panics in `Service::call`, before there is a future.
    pub fn panics_in_call(message: impl Into<String>) -> Self {
        Self::new(End::PanicInCall(message.into()))
    }

    /// Gives `error` from `poll_ready`, and there is no call.
    pub const fn unready(error: E) -> Self {
        Self::new(End::Unready(error))
    }

    /// Delays the answer by `polls` polls of the call. Each has the call polled again.
    pub fn after_polls(self, polls: u32) -> Self {
        Self { delay: Delay::Polls(polls), ..self }
    }

    /// Delays the answer until `time` has passed on `clock` since the call.
    pub fn after(self, clock: &ManualClock, time: Duration) -> Self {
        Self { delay: Delay::Time(clock.clone(), time), ..self }
    }

    /// Delays the answer until `gate` is opened.
    pub fn behind(self, gate: &Gate) -> Self {
        Self { delay: Delay::Gate(gate.clone()), ..self }
    }

    /// Leaves the service not ready for `polls` polls of `poll_ready`. Each wakes the task.
    pub fn not_ready(self, polls: u32) -> Self {
        Self { not_ready: polls, ..self }
    }

    const fn new(end: End<T, E>) -> Self {
        Self { not_ready: 0, delay: Delay::None, end }
    }
}

impl Delay {
    /// Whether the call is to wait on; if so, its task is woken when that may be over.
    pub(super) fn is_on(&mut self, cx: &Context<'_>) -> bool {
        match self {
            Self::None | Self::Polls(0) => false,
            Self::Polls(left) => {
                *left -= 1;
                cx.waker().wake_by_ref();
                true
            }
            Self::Time(clock, due) => {
                if clock.now() < *due {
                    clock.wake_on_advance(cx.waker().clone());
                }
                // Asked again after the waker is in place: a move in between woke nobody.
                clock.now() < *due
            }
            Self::Gate(gate) => gate.wait(cx.waker().clone()),
        }
    }
}

impl<T, E> From<Result<T, E>> for Answer<T, E> {
    fn from(result: Result<T, E>) -> Self {
        Self::new(End::Result(result))
    }
}

/// Holds calls back until it is opened. Clones are the same gate.
///
/// # Examples
///
/// ```
/// use tower::{ServiceExt, service_fn};
/// use tower_circuit_breaker_test::{Answer, Gate, ScriptedService};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Gate::new();
/// let upstream = ScriptedService::new([Answer::<_, ()>::ok("late").behind(&gate)]);
/// let call = tokio::spawn(upstream.clone().oneshot(()));
///
/// gate.open();
///
/// assert_eq!(call.await.unwrap(), Ok("late"));
/// # }
/// ```
#[derive(Clone)]
pub struct Gate {
    /// `None` once it is open.
    waiting: Arc<Mutex<Option<Vec<Waker>>>>,
}

impl Gate {
    /// Makes a gate that is closed.
    #[must_use]
    pub fn new() -> Self {
        Self { waiting: Arc::new(Mutex::new(Some(Vec::new()))) }
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        let waiting = lock(&self.waiting).take();
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Returns whether the gate has been opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        lock(&self.waiting).is_none()
    }

    /// Has `waker` woken when it opens; `false` when it is open already.
    pub(super) fn wait(&self, waker: Waker) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.as_mut().map(|waiting| waiting.push(waker)).is_some()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("is_open", &self.is_open()).finish()
    }
}
