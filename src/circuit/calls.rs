//! Whole calls through a circuit, without tower.

use std::borrow::Borrow;
use std::future::{Future, poll_fn};
use std::pin::pin;

use crate::circuit::Circuit;
use crate::circuit::classify::{Classify, ErrorsAsFailures};
use crate::circuit::permit::{Admission, FailureOnPanic};
use crate::error::Error;

impl Circuit {
    /// Awaits `future` if the circuit admits it; an `Err` is a failure.
    ///
    /// Nothing happens before the first poll. A panic of `future` counts as a failure, and is
    /// passed on to the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] if the call is rejected: `future` is then dropped unpolled.
    /// [`Error::Inner`] with the error of `future`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the returned future drops `future`, gives a probe's slot back and counts the call
    /// as abandoned. For a call to a closed circuit that is neutral, unless
    /// [`abandoned_after`](crate::CircuitBuilder::abandoned_after) is set. A probe counts as
    /// unanswered: sixteen of those in a row, over at least a minute, reopen the circuit. Under a
    /// rule for slow or stalled calls a probe that had waited for that long has failed.
    pub async fn call<T, E, F>(&self, future: F) -> Result<T, Error<E>>
    where
        F: Future<Output = Result<T, E>>,
        E: 'static,
    {
        self.call_with(ErrorsAsFailures, future).await
    }

    /// Awaits `future` if the circuit admits it; `classify` says what its result counts as.
    ///
    /// See [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
    ///
    /// # async fn example(circuit: Circuit) {
    /// // A row that is not there says nothing against the database.
    /// let found = circuit
    ///     .call_with(
    ///         |result: &Result<u32, &str>| match result {
    ///             Ok(_) | Err("no such row") => Outcome::Success,
    ///             Err(_) => Outcome::Failure(FailureKind::OTHER),
    ///         },
    ///         async { Err("no such row") },
    ///     )
    ///     .await;
    /// # assert!(found.is_err());
    /// # assert_eq!(circuit.snapshot().totals.successes, 1);
    /// # }
    /// # let circuit = Circuit::builder("db").build();
    /// # futures_util::FutureExt::now_or_never(example(circuit)).unwrap();
    /// ```
    pub async fn call_with<T, E, F>(
        &self,
        classify: impl Classify<T, E>,
        future: F,
    ) -> Result<T, Error<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut admission = Some(Admission::new(self, self.admit()?));
        let mut future = pin!(future);
        poll_fn(|cx| {
            let guard = FailureOnPanic::arm(&mut admission);
            let polled = future.as_mut().poll(cx);
            guard.disarm();
            // Recorded here, where the result still is: to carry it out of the poll first costs more
            // than to record it.
            polled.map(|result| record(admission.take(), &classify, result))
        })
        .await
    }

    /// Calls `f` if the circuit admits it; an `Err` is a failure. For blocking code.
    ///
    /// A panic of `f` counts as a failure, and is passed on to the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] if the call is rejected: `f` is then not called.
    /// [`Error::Inner`] with the error of `f`.
    pub fn run<T, E: 'static>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, Error<E>> {
        self.run_with(ErrorsAsFailures, f)
    }

    /// Calls `f` if the circuit admits it; `classify` says what its result counts as.
    ///
    /// For blocking code; see [`run`](Self::run), and [`call_with`](Self::call_with) for an example.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_with<T, E>(
        &self,
        classify: impl Classify<T, E>,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, Error<E>> {
        let mut admission = Some(Admission::new(self, self.admit()?));
        let guard = FailureOnPanic::arm(&mut admission);
        let result = f();
        guard.disarm();
        record(admission, &classify, result)
    }
}

/// Records the outcome of `result`, and passes it on.
pub(super) fn record<H: Borrow<Circuit>, T, E>(
    admission: Option<Admission<H>>,
    classify: &impl Classify<T, E>,
    result: Result<T, E>,
) -> Result<T, Error<E>> {
    let Some(mut admission) = admission else { return result.map_err(Error::Inner) };
    // Held by this frame while user code runs: if that panics, the call counts as abandoned.
    admission.judge();
    let outcome = classify.classify(&result);
    if admission.is_described(outcome) {
        let ended = admission.end_described(outcome, result, |_, error| classify.error_ref(error));
        return ended.map_err(Error::Inner);
    }
    admission.record(outcome);
    result.map_err(Error::Inner)
}
