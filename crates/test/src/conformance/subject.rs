//! How the suite calls a circuit: by permits here, through the layer in `layered`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tower_circuit_breaker::{Circuit, Error, Outcome, Permit, Rejected};

/// Makes calls to one circuit.
pub(super) trait Subject {
    /// Begins a call whose result will be this sample; `Err` says why it was rejected.
    fn begin(&mut self, sample: usize) -> Result<Box<dyn CallInFlight>, NotAdmitted>;

    /// Has a service ready for the next [`begin_readied`](Self::begin_readied); `false` where there is
    /// no service to be ready.
    fn ready(&mut self) -> bool {
        false
    }

    /// As [`begin`](Self::begin), by the service that was seen ready.
    fn begin_readied(&mut self, sample: usize) -> Result<Box<dyn CallInFlight>, NotAdmitted> {
        self.begin(sample)
    }

    /// Makes a call that panics; whether the panic came back to the caller.
    fn panic(&mut self) -> Result<bool, NotAdmitted>;
}

/// A call in flight; dropping it abandons it.
pub(super) trait CallInFlight {
    /// Ends the call; `Err` says what went wrong with that.
    fn finish(self: Box<Self>) -> Result<(), String>;
}

/// What became of a call that was not admitted.
#[derive(Debug)]
pub(super) enum NotAdmitted {
    Rejected(Rejected),
    /// Neither admitted nor rejected as it should be.
    Wrongly(String),
}

/// Calls by permit.
pub(super) struct Plain {
    pub(super) circuit: Circuit,
    pub(super) outcomes: Vec<Outcome>,
}

struct HeldPermit {
    permit: Permit,
    outcome: Outcome,
}

impl Subject for Plain {
    fn begin(&mut self, sample: usize) -> Result<Box<dyn CallInFlight>, NotAdmitted> {
        let permit = self.circuit.try_acquire().map_err(NotAdmitted::Rejected)?;
        Ok(Box::new(HeldPermit { permit, outcome: self.outcomes[sample] }))
    }

    fn panic(&mut self) -> Result<bool, NotAdmitted> {
        let call = || self.circuit.run(|| -> Result<(), ()> { resume_unwind(Box::new(())) });
        match catch_unwind(AssertUnwindSafe(call)) {
            Err(_) => Ok(true),
            Ok(Err(Error::Rejected(rejected))) => Err(NotAdmitted::Rejected(rejected)),
            Ok(_) => Ok(false),
        }
    }
}

impl CallInFlight for HeldPermit {
    fn finish(self: Box<Self>) -> Result<(), String> {
        self.permit.record(self.outcome);
        Ok(())
    }
}
