//! Functions behind a circuit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::circuit::Circuit;
use crate::circuit::calls::record;
use crate::circuit::classify::ErrorsAsFailures;
use crate::circuit::permit::{Admission, FailureOnPanic};
use crate::error::Error;
use crate::sync::Arc;

impl Circuit {
    /// Wraps `f`: returns a function that does the same if the circuit admits the call.
    ///
    /// For a client's method that is called in many places. A function of several arguments takes
    /// them as a tuple. An `Err` is a failure; a panic counts as one, too, and is passed on.
    /// Nothing happens before the first poll of the future that the function returns, and `f` is
    /// not called where the call is rejected. Allocates once, here, and not for each call.
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call): [`Error::Rejected`] if the call is rejected, and
    /// [`Error::Inner`] with the error of `f`.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, Error};
    ///
    /// async fn price(plant: &str, amount: u32) -> Result<u32, String> {
    ///     if plant == "aloe" { Ok(7 * amount) } else { Err(format!("no {plant}")) }
    /// }
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let circuit = Circuit::builder("prices").consecutive_failures(2).build();
    /// let price = circuit.wrap(|(plant, amount)| price(plant, amount));
    ///
    /// assert_eq!(price(("aloe", 3)).await, Ok(21));
    /// for _ in 0..2 {
    ///     assert_eq!(price(("rose", 1)).await, Err(Error::Inner("no rose".to_owned())));
    /// }
    /// assert!(matches!(price(("aloe", 3)).await, Err(Error::Rejected(_))));
    /// # })
    /// # .unwrap();
    /// ```
    pub fn wrap<A, T, E, F, Fut>(
        &self,
        f: F,
    ) -> impl Fn(A) -> WrappedCall<F, A, Fut> + use<A, T, E, F, Fut>
    where
        F: Fn(A) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: 'static,
    {
        let (circuit, function) = (self.clone(), Arc::new(f));
        move |arguments| WrappedCall {
            circuit: circuit.clone(),
            function: Arc::clone(&function),
            arguments: Some(arguments),
            admission: None,
            future: None,
        }
    }
}

pin_project! {
    /// The future of a call of a function that [`Circuit::wrap`] returned.
    ///
    /// # Panics
    ///
    /// Panics if it is polled after it has ended.
    #[must_use = "futures do nothing unless polled"]
    pub struct WrappedCall<F, A, Fut> {
        circuit: Circuit,
        function: Arc<F>,
        // Taken by the first poll.
        arguments: Option<A>,
        admission: Option<Admission<Circuit>>,
        #[pin]
        future: Option<Fut>,
    }
}

impl<A, T, E, F, Fut> Future for WrappedCall<F, A, Fut>
where
    F: Fn(A) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: 'static,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let guard = match this.arguments.take() {
            None => FailureOnPanic::arm(this.admission),
            Some(arguments) => {
                let ticket = this.circuit.admit()?;
                *this.admission = Some(Admission::new(this.circuit.clone(), ticket));
                let guard = FailureOnPanic::arm(this.admission);
                this.future.set(Some((this.function)(arguments)));
                guard
            }
        };
        let future = this.future.as_mut().as_pin_mut();
        let polled = future.expect("polled after it has ended").poll(cx);
        guard.disarm();
        let result = ready!(polled);
        this.future.set(None);
        Poll::Ready(record(this.admission.take(), &ErrorsAsFailures, result))
    }
}

impl<F, A, Fut> fmt::Debug for WrappedCall<F, A, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedCall").field("circuit", &self.circuit.name()).finish_non_exhaustive()
    }
}
