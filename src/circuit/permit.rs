//! The right to one call.

use std::borrow::Borrow;
use std::fmt;

use crate::circuit::Circuit;
use crate::engine::machine::probes::HeldProbe;
use crate::engine::machine::record::Ending;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::ticket::Ticket;
use crate::sync::Weak;

/// One admitted call, for code that is not a future or a closure.
///
/// From [`Circuit::try_acquire`]. Say what the call was worth with [`record`](Self::record);
/// dropping the permit instead says that it was abandoned: nothing, unless
/// [`abandoned_after`](crate::CircuitBuilder::abandoned_after) is set. Either way a probe's slot is
/// given back.
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

    /// Says what the call was worth.
    pub fn record(self, outcome: Outcome) {
        self.into_admission().record(outcome);
    }

    pub(crate) fn into_admission(self) -> Admission<Circuit> {
        self.admission
    }

    /// The circuit that admitted the call.
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

/// A ticket and something that holds its circuit: settles exactly once.
///
/// The bound stands on the struct because `Drop` needs it.
pub(crate) struct Admission<H: Borrow<Circuit>> {
    holder: H,
    ticket: Ticket,
    stage: Stage,
}

/// What is still to be said of an admitted call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unanswered,
    /// Its result is being judged; dropped now, it is not judged, but was answered.
    Judged,
    Settled,
}

impl<H: Borrow<Circuit>> Admission<H> {
    pub(crate) const fn new(holder: H, ticket: Ticket) -> Self {
        Self { holder, ticket, stage: Stage::Unanswered }
    }

    #[inline]
    pub(crate) fn record(mut self, outcome: Outcome) {
        self.record_in_place(outcome);
    }

    pub(crate) const fn holder(&self) -> &H {
        &self.holder
    }

    /// Says what the call was worth, in place.
    #[inline]
    pub(crate) fn record_in_place(&mut self, outcome: Outcome) {
        self.end(Ending::Finished(outcome));
    }

    /// Notes that the result is there and is judged next, by user code that may panic.
    #[inline]
    pub(crate) const fn judge(&mut self) {
        self.stage = Stage::Judged;
    }

    /// The same call as a value that can be kept elsewhere; this one is settled.
    pub(crate) fn hand_on(&mut self) -> Permit {
        self.give_up();
        Permit::new(self.holder.borrow().clone(), self.ticket)
    }

    /// Notes that the call was answered, and is to be judged by what follows: from now on it is neither
    /// slow nor stalled, and dropped it was not unanswered.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    #[inline]
    pub(crate) fn answer(&mut self) {
        self.ticket = self.holder.borrow().answered(self.ticket);
    }

    /// Whether the call tells if the upstream is back.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    pub(crate) const fn is_probe(&self) -> bool {
        self.ticket.is_probe()
    }

    /// Has a probe that was answered be judged through `held` if it is not for a while.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    pub(crate) fn hold(&self, held: Weak<dyn HeldProbe>) {
        self.holder.borrow().hold_probe(self.ticket, held);
    }

    /// Leaves settling to somebody else who has the ticket.
    #[inline]
    pub(crate) const fn give_up(&mut self) {
        self.stage = Stage::Settled;
    }

    /// Apart, so that dropping a settled one is little code.
    #[cold]
    #[inline(never)]
    fn abandon(&mut self) {
        if self.stage == Stage::Judged {
            self.ticket = self.holder.borrow().unjudged(self.ticket);
        }
        self.end(Ending::Abandoned);
    }

    #[inline]
    fn end(&mut self, ending: Ending) {
        self.stage = Stage::Settled;
        self.holder.borrow().record(self.ticket, ending);
    }
}

impl<H: Borrow<Circuit>> Drop for Admission<H> {
    // Cannot panic: the engine does not, and listeners' panics are caught.
    #[inline]
    fn drop(&mut self) {
        if self.stage != Stage::Settled {
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
