//! seatbelt.

use std::task::Waker;

use tower::Layer;

use ::seatbelt::breaker::{Breaker, BreakerLayer};
use ::seatbelt::typestates::Set;
use ::seatbelt::{RecoveryInfo, ResilienceContext};
use tick::runtime::InactiveClock;

use crate::contestants::{Entry, MINIMUM_CALLS, OPEN_FOR, Rule, WINDOW_TIME};
use crate::figure::Missing;
use crate::inner::{Failure, Inner};

pub(super) fn enter(rule: Rule) -> Result<Entry, Missing> {
    match rule {
        Rule::Consecutive => Err(Missing::lacks("it has no rule for runs of failures")),
        Rule::Count => Err(Missing::lacks("it has no count window")),
        Rule::Time => Ok(Entry::new(layer().layer(Inner))),
        Rule::TimeAndSlow => Err(Missing::lacks("it has no rule for slow calls")),
    }
}

type Answer = Result<u64, Failure>;

/// Its clock is that of the system; what drives its timers is of no use here.
fn layer() -> BreakerLayer<u64, Answer, Set, Set> {
    let (clock, _) = InactiveClock::new_shared().activate(Waker::noop().clone());
    Breaker::layer("api", &ResilienceContext::new(clock))
        .recovery_with(|answer: &Answer, _| match answer {
            Ok(_) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_, _| Failure)
        .failure_threshold(0.5)
        .min_throughput(MINIMUM_CALLS)
        .sampling_duration(WINDOW_TIME)
        .break_duration(OPEN_FOR)
}
