//! What holds of each process by itself, whatever has become of Redis: the fleet brings no end
//! forward that the circuit has drawn itself, and puts none off for longer than was said.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tower_circuit_breaker::{Backoff, ChangeReason, CircuitEvent, CircuitState, Listener, Permit};

use crate::lock::lock;
use crate::node::tests::steps::dark_step;
use crate::node::tests::{Fleet, HOLD, Process};
use crate::reach::Reach;
use crate::time::Timestamp;
use crate::view::Lease;

/// A call that has begun.
pub(super) struct Begun {
    pub(super) permit: Permit,
    at: Timestamp,
    /// In which turn of probes; `None` while the circuit was closed.
    turn: Option<u64>,
}

/// The turns of probes of one circuit, and what it has drawn, as its listeners hear.
#[derive(Debug)]
pub(super) struct Turns {
    /// How many calls may probe at once.
    at_once: u32,
    events: Arc<Mutex<Vec<CircuitEvent>>>,
    turn: u64,
    /// When the open time that the circuit has drawn itself is over.
    own_end: Option<Timestamp>,
    /// The last that it drew since it was closed.
    drawn: Option<Duration>,
}

/// How long a probe holds its slot.
const PROBE: Duration = Duration::from_secs(3);

impl Turns {
    pub(super) fn new(at_once: u32) -> Self {
        Self { at_once, events: Arc::default(), turn: 0, own_end: None, drawn: None }
    }

    pub(super) fn listener(&self) -> impl Listener + use<> {
        let events = Arc::clone(&self.events);
        move |event: &CircuitEvent| lock(&events).push(event.clone())
    }

    /// Takes in what has happened since the last time, all of it now.
    fn follow(&mut self, now: Timestamp) {
        let events = std::mem::take(&mut *lock(&self.events));
        for event in events {
            match event {
                CircuitEvent::StateChanged { to: CircuitState::HalfOpen, .. } => self.turn += 1,
                CircuitEvent::StateChanged {
                    to: CircuitState::Open,
                    reason,
                    open_for: Some(open_for),
                    ..
                } => self.opened(reason, open_for, now),
                // Closed, or forced.
                _ => (self.own_end, self.drawn) = (None, None),
            }
        }
    }

    fn opened(&mut self, reason: ChangeReason, open_for: Duration, now: Timestamp) {
        match reason {
            ChangeReason::Fleet => self.own_end = None,
            ChangeReason::LeaseOver => {}
            _ => {
                assert!(Some(open_for) >= self.drawn, "a step back to {open_for:?}");
                (self.own_end, self.drawn) = (Some(now.after(open_for)), Some(open_for));
            }
        }
    }
}

impl Process {
    /// Begins a call, if the circuit lets it, and sees that it was right to.
    pub(super) fn begin(&mut self, now: Timestamp) -> Option<Begun> {
        let permit = self.circuit.try_acquire().ok()?;
        self.turns.follow(now);
        let is_probe = self.circuit.state() == CircuitState::HalfOpen;
        let turn = is_probe.then_some(self.turns.turn);
        if is_probe {
            let own_end = self.turns.own_end;
            assert!(
                own_end <= Some(now),
                "{} probes at {now:?}, not {own_end:?}",
                self.identity.name
            );
            let lasts = |begun: &&Begun| begun.turn == turn && now.since(begun.at) < PROBE;
            let others = self.begun.iter().filter(lasts).count();
            assert!(
                others < self.turns.at_once as usize,
                "{} has {others} probes",
                self.identity.name
            );
        }
        Some(Begun { permit, at: now, turn })
    }

    /// Sees that the circuit is open for no longer than somebody has said.
    pub(super) fn check_end(&mut self, now: Timestamp) {
        self.turns.follow(now);
        let Some(left) = self.circuit.snapshot().retry_after else { return };
        let view = self.node.views.get(self.circuit.name());
        let fleets = view.and_then(|view| view.open_epoch()).map(|open_epoch| open_epoch.ends);
        let lease = view.map_or(Lease::None, |view| view.lease);
        let others = match lease {
            Lease::Denied { until } => Some(until),
            _ => None,
        };
        let said = self.turns.own_end.max(fleets).max(others).max(Some(now));
        // A connected process waits a while for an answer, but not for one that refuses.
        let waits = self.link == Reach::Up && !matches!(lease, Lease::Unanswered { .. });
        let wait = if waits { HOLD } else { Duration::ZERO };
        let most = said.unwrap_or(now).since(now) + wait;
        assert!(
            left <= most,
            "{} is open for {left:?}, not {most:?}, {lease:?}",
            self.identity.name
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_has_lost_redis_probes_no_sooner_and_no_later_than_alone(
        quorum in 1..=3_u32,
        fleet_probes in 1..3_u32,
        (probes, at_once) in (1..4_u32, 1..3_u32),
        steps in prop::collection::vec(dark_step(), 0..200),
    ) {
        let (first, max) = (Duration::from_secs(1), Duration::from_secs(8));
        let backoff = Backoff::exponential(first, max).without_jitter();
        let mut fleet = Fleet::with(quorum, fleet_probes, at_once, |circuit| {
            circuit.open_backoff(backoff).probes(probes).probe_timeout(PROBE)
        });

        // Whatever is asserted is asserted at each step.
        for step in &steps {
            fleet.take(step);
        }

        fleet.close_after_probe();
    }
}
