//! Permits: the right to one admitted call.

use std::borrow::Borrow;
use std::fmt;

use crate::circuit::Circuit;
use crate::engine::machine::probes::HeldProbe;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::ticket::Ticket;
use crate::error::ErrorRef;
use crate::sync::Weak;

/// A permit: the right to one admitted call.
///
/// For code that is not a future or a closure; from [`Circuit::try_acquire`]. Record the outcome
/// with [`record`](Self::record). Dropping the permit instead counts the call as abandoned, which
/// is neutral unless [`abandoned_after`](crate::CircuitBuilder::abandoned_after) is set. Either way
/// a probe's slot is given back.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
///
/// let circuit = Circuit::builder("cache").consecutive_failures(1).build();
///
/// let permit = circuit.try_acquire()?;
/// let answer: Result<u32, &str> = Err("connection reset");
/// permit.record(match answer {
///     Ok(_) => Outcome::Success,
///     Err(_) => Outcome::Failure(FailureKind::new("reset")),
/// });
///
/// assert!(circuit.try_acquire().is_err());
/// # Ok::<(), tower_circuit_breaker::Rejected>(())
/// ```
#[must_use = "dropping a permit at once counts the call as abandoned"]
pub struct Permit {
    admission: Admission<Circuit>,
}

impl Permit {
    pub(crate) const fn new(circuit: Circuit, ticket: Ticket) -> Self {
        Self { admission: Admission::new(circuit, ticket) }
    }

    /// Records the outcome of the call.
    pub fn record(self, outcome: Outcome) {
        self.into_admission().record(outcome);
    }

    pub(crate) fn into_admission(self) -> Admission<Circuit> {
        self.admission
    }

    /// Returns the circuit that admitted the call.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.admission.holder
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("circuit", &self.circuit().name()).finish_non_exhaustive()
    }
}

/// A ticket and a reference to its circuit, recorded exactly once.
///
/// The bound stands on the struct because `Drop` needs it.
pub(crate) struct Admission<H: Borrow<Circuit>> {
    holder: H,
    ticket: Ticket,
    stage: AdmissionStage,
}

/// How far an admitted call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AdmissionStage {
    Unanswered,
    /// Its result is being judged. If it is dropped now, it is not judged, but was answered.
    Judged,
    Over,
}

impl<H: Borrow<Circuit>> Admission<H> {
    pub(crate) const fn new(holder: H, ticket: Ticket) -> Self {
        Self { holder, ticket, stage: AdmissionStage::Unanswered }
    }

    #[inline]
    pub(crate) fn record(mut self, outcome: Outcome) {
        self.record_in_place(outcome);
    }

    pub(crate) const fn holder(&self) -> &H {
        &self.holder
    }

    /// Records the outcome of the call, in place.
    #[inline]
    pub(crate) fn record_in_place(&mut self, outcome: Outcome) {
        self.end(Some(outcome));
    }

    /// Records the outcome of a call that ended with `result`, in place, and returns the result;
    /// keeps the text of its error, to which `error_ref` refers, where that is asked for.
    #[inline]
    pub(crate) fn record_result<T, E>(
        &mut self,
        outcome: Outcome,
        result: Result<T, E>,
        error_ref: impl for<'e> Fn(&H, &'e E) -> Option<ErrorRef<'e>>,
    ) -> Result<T, E> {
        if self.is_described(outcome) {
            return self.record_described(outcome, result, error_ref);
        }
        self.record_in_place(outcome);
        result
    }

    /// Whether the error of a call with this outcome is described.
    #[inline]
    pub(crate) fn is_described(&self, outcome: Outcome) -> bool {
        outcome.failure_kind().is_some() && self.holder.borrow().describes_errors()
    }

    /// As [`record_result`](Self::record_result) where the error is described. All of it by value,
    /// so that an admission and a result that are not can stay in registers.
    #[cold]
    #[inline(never)]
    pub(crate) fn end_described<T, E>(
        mut self,
        outcome: Outcome,
        result: Result<T, E>,
        error_ref: impl for<'e> Fn(&H, &'e E) -> Option<ErrorRef<'e>>,
    ) -> Result<T, E> {
        self.record_described(outcome, result, error_ref)
    }

    /// The result by value, so that that of any other call can stay in registers.
    #[cold]
    #[inline(never)]
    fn record_described<T, E>(
        &mut self,
        outcome: Outcome,
        result: Result<T, E>,
        error_ref: impl for<'e> Fn(&H, &'e E) -> Option<ErrorRef<'e>>,
    ) -> Result<T, E> {
        match &result {
            Ok(_) => self.record_in_place(outcome),
            Err(error) => {
                self.stage = AdmissionStage::Over;
                let error_ref = || error_ref(&self.holder, error);
                self.holder.borrow().record_described(self.ticket, outcome, &error_ref);
            }
        }
        result
    }

    /// Notes that the result has come and is judged next, by user code that may panic.
    #[inline]
    pub(crate) const fn judge(&mut self) {
        self.stage = AdmissionStage::Judged;
    }

    /// Moves the call into a permit that can be kept elsewhere; this admission is over.
    pub(crate) fn hand_on(&mut self) -> Permit {
        self.give_up();
        Permit::new(self.holder.borrow().clone(), self.ticket)
    }

    /// Notes that the call was answered, and is judged later: from now on it is neither slow nor
    /// stalled, nor unanswered if it is dropped.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    #[inline]
    pub(crate) fn answer(&mut self) {
        self.ticket = self.holder.borrow().answered(self.ticket);
    }

    /// Whether the call is a probe.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    pub(crate) const fn is_probe(&self) -> bool {
        self.ticket.is_probe()
    }

    /// Lets a probe that was answered be judged through `held`, once it has been held for long
    /// enough.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    pub(crate) fn hold(&self, held: Weak<dyn HeldProbe>) {
        self.holder.borrow().hold_probe(self.ticket, held);
    }

    /// Ends this admission without recording: the ticket is recorded elsewhere.
    #[inline]
    pub(crate) const fn give_up(&mut self) {
        self.stage = AdmissionStage::Over;
    }

    /// A function of its own, so that dropping an admission that is over is little code.
    #[cold]
    #[inline(never)]
    fn abandon(&mut self) {
        if self.stage == AdmissionStage::Judged {
            self.ticket = self.holder.borrow().unjudged(self.ticket);
        }
        self.end(None);
    }

    #[inline]
    fn end(&mut self, outcome: Option<Outcome>) {
        self.stage = AdmissionStage::Over;
        self.holder.borrow().record(self.ticket, outcome);
    }
}

impl<H: Borrow<Circuit>> Drop for Admission<H> {
    // Cannot panic: the engine does not, and listeners' panics are caught.
    #[inline]
    fn drop(&mut self) {
        if self.stage != AdmissionStage::Over {
            self.abandon();
        }
    }
}

/// Records a failure if it is dropped while user code panics: between arming and disarming, the
/// only way to its end is an unwind.
pub(crate) struct FailureOnPanic<'a, H: Borrow<Circuit>> {
    admission: &'a mut Option<Admission<H>>,
    is_armed: bool,
}

impl<'a, H: Borrow<Circuit>> FailureOnPanic<'a, H> {
    pub(crate) const fn arm(admission: &'a mut Option<Admission<H>>) -> Self {
        Self { admission, is_armed: true }
    }

    #[inline]
    pub(crate) fn disarm(mut self) {
        self.is_armed = false;
    }
}

impl<H: Borrow<Circuit>> Drop for FailureOnPanic<'_, H> {
    // Cannot panic, as for `Admission`.
    #[inline]
    fn drop(&mut self) {
        if self.is_armed {
            if let Some(admission) = self.admission.take() {
                admission.record(Outcome::Failure(FailureKind::PANIC));
            }
        }
    }
}
