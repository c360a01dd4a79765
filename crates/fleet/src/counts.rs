//! The sums of the whole fleet: what this node has yet to add, and what all have met.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, Override};

use crate::rate::Rate;
use crate::request::{Ask, Request};

/// The rule that looks at the whole fleet.
#[derive(Debug, Clone, Copy)]
pub struct FleetRate {
    pub rate: Rate,
    pub minimum_calls: u64,
    pub over: Duration,
}

/// How often the sums are merged.
pub const MERGE: Duration = Duration::from_millis(250);

/// Ten buckets, as the time windows of circuits have by default.
pub const BUCKETS: u32 = 10;

/// What of each circuit's totals has been reported to the fleet.
#[derive(Debug)]
pub struct Counts {
    rule: FleetRate,
    reported: HashMap<Arc<str>, Reported>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Reported {
    calls: u64,
    failures: u64,
}

impl Counts {
    pub fn new(rule: FleetRate) -> Self {
        Self { rule, reported: HashMap::new() }
    }

    /// What to ask for a circuit; `None` while it has met nothing new.
    ///
    /// What it had met before it was first seen is not the fleet's affair.
    pub fn request(&mut self, circuit: &Circuit) -> Option<Request> {
        let name = circuit.shared_name();
        let met = Reported::by(circuit);
        let Some(reported) = self.reported.get_mut(name) else {
            self.reported.insert(Arc::clone(name), met);
            return None;
        };
        // A circuit of the same name may be another one now.
        if met.calls < reported.calls || met.failures < reported.failures {
            *reported = met;
        }
        if is_forced_closed_by_fleet(circuit) {
            // Nobody votes now, and when it ends all start afresh: so does their sum.
            *reported = met;
            return None;
        }
        let (calls, failures) = (met.calls - reported.calls, met.failures - reported.failures);
        (calls > 0).then(|| {
            let circuit = Arc::clone(name);
            Request { circuit, ask: Ask::Count { calls, failures } }
        })
    }

    /// Redis has added what `request` said.
    pub fn added(&mut self, request: &Request) {
        if let (Ask::Count { calls, failures }, Some(reported)) =
            (&request.ask, self.reported.get_mut(&request.circuit))
        {
            reported.calls = reported.calls.saturating_add(*calls);
            reported.failures = reported.failures.saturating_add(*failures);
        }
    }

    /// Whether what the fleet has met reaches the limit.
    pub fn is_exceeded(&self, calls: u64, failures: u64) -> bool {
        calls >= self.rule.minimum_calls
            && failures > 0
            && self.rule.rate.is_reached(failures, calls)
    }

    pub fn forget(&mut self, is_here: impl Fn(&str) -> bool) {
        self.reported.retain(|name, _| is_here(name));
    }
}

fn is_forced_closed_by_fleet(circuit: &Circuit) -> bool {
    let own = circuit.is_overridden().then(|| circuit.operators_override()).flatten();
    own.is_some_and(|own| own.by_fleet && own.overridden == Override::ForcedClosed)
}

impl Reported {
    fn by(circuit: &Circuit) -> Self {
        let totals = circuit.snapshot().totals;
        let calls = totals.successes.saturating_add(totals.failures);
        Self { calls, failures: totals.failures }
    }
}

#[cfg(test)]
mod tests;
