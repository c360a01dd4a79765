//! Changes that a circuit told of, held against those that were due.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::state::CircuitState;
use crate::event::{CircuitEvent, Listener};
use crate::sync::{Arc, Mutex, lock};
use crate::test_util::conformance::books::Due;
use crate::test_util::conformance::case::Case;
use crate::test_util::conformance::promise::Promise;
use crate::test_util::conformance::report::Broken;

/// Events that were heard and not yet looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    heard: Arc<Mutex<VecDeque<CircuitEvent>>>,
}

/// What matters of a change of state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    from: CircuitState,
    to: CircuitState,
    reason: ChangeReason,
    epoch: u64,
    lasted: Duration,
    open_for: Option<Duration>,
}

impl Changes {
    /// The next change of state, if the next event is one.
    pub(super) fn first(&self) -> Option<Moved> {
        match lock(&self.heard).front()? {
            CircuitEvent::StateChanged { from, to, reason, epoch, lasted, open_for, .. } => {
                let (from, to, reason, epoch) = (*from, *to, *reason, *epoch);
                Some(Moved { from, to, reason, epoch, lasted: *lasted, open_for: *open_for })
            }
            _ => None,
        }
    }

    pub(super) fn take(&self) -> Option<CircuitEvent> {
        lock(&self.heard).pop_front()
    }
}

impl Listener for Changes {
    fn on_event(&self, event: &CircuitEvent) {
        lock(&self.heard).push_back(event.clone());
    }
}

impl Moved {
    /// Whether a result opened a closed circuit, for a reason that is known here.
    pub(super) fn is_trip(&self) -> bool {
        self.from == CircuitState::Closed
            && self.to == CircuitState::Open
            && promise_of(self.reason).is_some_and(|promise| promise == Promise::Limits)
    }
}

impl Case<'_> {
    /// Sees the change that is due, and takes it over.
    pub(super) fn expect_change(&mut self, due: Option<Due>) -> Result<(), Broken> {
        let Some(due) = due else { return Ok(()) };
        let promise = promise_of(due.reason).unwrap_or(Promise::Commands);
        let Some(moved) = self.changes.first() else {
            let Due { to, reason, .. } = due;
            let what = format!("it is to be {to} now ({reason}), and no change was told");
            return Err(Broken::new(promise, what));
        };
        if self.promise_of(moved.reason).is_none() {
            // Somebody else's rule came first.
            return Ok(());
        }
        let (found, expected) = ((moved.to, moved.reason), (due.to, due.reason));
        self.checks.same(promise, "where it went, and why", &found, &expected)?;
        self.check_open_time(moved, due)?;
        self.adopt(moved)
    }

    /// As the function does, but for a rule about slow calls: it holds by calls that hang, too, and
    /// when those are noticed is not foretold here.
    fn promise_of(&self, reason: ChangeReason) -> Option<Promise> {
        let is_foretold = reason != ChangeReason::SlowCallRate || !self.has_hung_calls();
        promise_of(reason).filter(|_| is_foretold)
    }

    /// Takes over changes for reasons that are not known here; whether there were any.
    pub(super) fn adopt_unknown(&mut self) -> bool {
        let mut any = false;
        while let Some(moved) = self.changes.first() {
            if self.promise_of(moved.reason).is_some() || self.adopt(moved).is_err() {
                break;
            }
            any = true;
        }
        any
    }

    /// The next event is to be `moved`: takes it over.
    fn adopt(&mut self, moved: Moved) -> Result<(), Broken> {
        self.changes.take();
        let now = self.time.now();
        let Moved { from, to, epoch, lasted, open_for, .. } = moved;
        let found = (from, epoch, lasted);
        let expected = (self.books.state, self.books.epoch + 1, now.since(self.books.since));
        let what = "the event's old state, new epoch, and how long the old one lasted";
        self.checks.same(Promise::Events, what, &found, &expected)?;
        if open_for.is_some() {
            self.books.step = Some(self.books.next_step(now));
        }
        self.books.enter(to, open_for, now);
        Ok(())
    }

    fn check_open_time(&mut self, moved: Moved, due: Due) -> Result<(), Broken> {
        let Some(open_for) = moved.open_for else { return Ok(()) };
        self.check_open_for(open_for, due.open_for)
    }

    /// Whether it opens for `given` or, if that is `None`, as the backoff says.
    pub(super) fn check_open_for(
        &mut self,
        open_for: Duration,
        given: Option<Duration>,
    ) -> Result<(), Broken> {
        let backoff = self.books.settings.open;
        let doublings = self.books.next_step(self.time.now()).min(MOST_DOUBLINGS);
        let step = (0..doublings).fold(backoff.first(), |time, _| time.saturating_mul(2));
        let nominal = step.min(backoff.max());
        let most = given.unwrap_or(nominal);
        let is_exact = given.is_some() || !backoff.is_jittered();
        let least = if is_exact { most } else { most / 2 };
        self.checks.hold(Promise::OpenTime, (least..=most).contains(&open_for), || {
            format!("it opens for {open_for:?}, and that should be from {least:?} to {most:?}")
        })
    }
}

/// The shortest time has become the longest by then.
const MOST_DOUBLINGS: u32 = 94;

/// Which promise a change for this reason is about; `None` for reasons that are not known here.
pub(super) const fn promise_of(reason: ChangeReason) -> Option<Promise> {
    Some(match reason {
        ChangeReason::ConsecutiveFailuresOfKind(_)
        | ChangeReason::ConsecutiveFailures
        | ChangeReason::FailureRate
        | ChangeReason::SlowCallRate
        | ChangeReason::FailureCount
        | ChangeReason::UpstreamAsked => Promise::Limits,
        ChangeReason::OpenTimeOver => Promise::WayOut,
        ChangeReason::ProbesFailed
        | ChangeReason::ProbesSucceeded
        | ChangeReason::ProbesIgnored
        | ChangeReason::ProbesUnanswered => Promise::Probes,
        ChangeReason::Operator => Promise::Commands,
        _ => return None,
    })
}
