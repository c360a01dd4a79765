//! Setting what describes the errors of failures.

use crate::circuit::Marks;
use crate::circuit::builder::CircuitBuilder;

impl CircuitBuilder {
    /// Keeps the text of the last failure's error, which `describe` makes of it.
    ///
    /// A circuit that has opened says of which [kind](crate::LastFailure) the last failure was, and
    /// with this setting also what its error said: [`Rejected::last_error`] for a caller that was
    /// rejected, [`CircuitSnapshot::last_error`] for who looks at the circuit.
    ///
    /// It is kept only where it is asked for, and shown only where you show it. Texts of errors
    /// carry addresses with their queries, tokens, names of hosts, what a user has typed; and a
    /// rejection goes to callers, logs and responses that have never seen the upstream. So the text
    /// is in no `Display`, `Debug`, JSON, metric, log or response of these crates, and `describe`
    /// is the place to leave out what nobody may read.
    ///
    /// `E` is the type of the errors as the breaker sees them: that of the guarded function, or of
    /// the service *inside* the breaker, often [`BoxError`]. For several types call this several
    /// times; of two closures for one type the later one holds. The text of an error that none of
    /// them takes says so, and names its type.
    ///
    /// The text is that of the [last failure](crate::LastFailure) or absent; a failure without an
    /// error leaves none: a response with a 5xx, a body that breaks off, a panic, a dropped call,
    /// an outcome given to a [`Permit`]. A classifier of your own gives its errors by
    /// [`Classify::error_ref`], which a closure does not: the text says so.
    ///
    /// `describe` runs on the thread of the failed call, outside every lock, before the failure is
    /// recorded: keep it short. If it panics, the panic is caught, and there is no text. Texts are
    /// cut at 256 bytes. Costs a success nothing, and a failed call the closure, a short lock and
    /// an allocation. Default: no text is kept.
    ///
    /// [`BoxError`]: crate::BoxError
    /// [`Classify::error_ref`]: crate::Classify::error_ref
    /// [`CircuitSnapshot::last_error`]: crate::CircuitSnapshot::last_error
    /// [`Permit`]: crate::Permit
    /// [`Rejected::last_error`]: crate::Rejected::last_error
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use tower_circuit_breaker::{Circuit, Error};
    ///
    /// let circuit = Circuit::builder("disk")
    ///     .consecutive_failures(1)
    ///     .last_error(|error: &io::Error| error.to_string())
    ///     .build();
    ///
    /// let read = || circuit.run(|| Err::<(), _>(io::Error::other("disk on fire")));
    /// assert!(matches!(read(), Err(Error::Inner(_))));
    ///
    /// let Err(Error::Rejected(rejected)) = read() else { panic!("the circuit is open") };
    /// let text = rejected.last_error().expect("it failed with an error");
    /// assert_eq!(text.as_str(), "disk on fire");
    /// assert!(!rejected.to_string().contains("fire"));
    /// ```
    pub fn last_error<E: 'static>(
        mut self,
        describe: impl Fn(&E) -> String + Send + Sync + 'static,
    ) -> Self {
        self.marks = self.marks.with(Marks::LAST_ERROR);
        // The later one is asked first.
        self.describe.insert(0, Box::new(move |error| error.downcast_ref().map(&describe)));
        self
    }
}
