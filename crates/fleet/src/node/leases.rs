//! Leases: when one is asked for, and what becomes of the question.

use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::options::Options;
use crate::reach::Reach;
use crate::request::{Ask, Reply};
use crate::time::Timestamp;
use crate::view::{Lease, View};

/// How often an open circuit past its time is looked at: whether a call wants in.
const TICK: Duration = Duration::from_millis(100);

/// How long after a refused or unanswered request for a lease none is made.
const PAUSE: Duration = Duration::from_secs(1);

/// Sees to one circuit that is open, or was when the fleet last spoke.
pub(super) fn attend(
    view: &mut View,
    circuit: &Circuit,
    options: &Options,
    link: Reach,
    now: Timestamp,
) -> Option<Timestamp> {
    let open_epoch = view.open_epoch()?;
    let state = circuit.state();
    if state == CircuitState::Closed {
        view.lease = Lease::None;
        return None;
    }
    // Of the open time that the fleet knows of, or the circuit has begun since.
    let left = open_epoch.ends.since(now).max(circuit.own_left());
    if link == Reach::Down {
        go_alone(view, circuit, open_epoch.epoch, left, now);
        return None;
    }
    match view.lease {
        Lease::Asked => return None,
        Lease::Held { until } | Lease::Denied { until } | Lease::Unanswered { until }
            if now < until =>
        {
            return Some(until);
        }
        Lease::Held { .. } => {
            // No verdict in time: the next node that wants to may try.
            view.lease = Lease::None;
            circuit.recall(open_epoch.epoch, options.hold);
            circuit.expect_link(open_epoch.epoch, options.hold, options.hold);
            view.demand = circuit.rejections();
            return Some(now.after(TICK));
        }
        Lease::Denied { .. } => view.lease = Lease::None,
        Lease::Unanswered { .. } | Lease::None => {}
    }
    // For a Redis that has not answered last time nobody waits.
    let is_answered = !matches!(view.lease, Lease::Unanswered { .. });
    let hold = if is_answered { options.hold } else { Duration::ZERO };
    // What it says next it says within that time, but for want of a processor.
    let says_more = |within| {
        if is_answered {
            circuit.expect_link(open_epoch.epoch, within, hold);
        }
    };
    let lead = options.lead(open_epoch.epoch, open_epoch.open_for);
    if left > lead {
        says_more(left);
        return Some(now.after(left.saturating_sub(lead)));
    }
    let stays = left.saturating_add(hold);
    circuit.hold(open_epoch.epoch, stays);
    let is_wanted = state == CircuitState::HalfOpen
        || circuit.rejections() != view.demand
        || circuit.is_awaited();
    if !is_wanted {
        says_more(stays);
        return Some(now.after(TICK));
    }
    // A store that leaves it without an answer until then is silent: the circuit goes by itself.
    says_more(stays.saturating_add(hold));
    let probing = options.lease.unwrap_or_else(|| circuit.probe_lease(open_epoch.open_for));
    let lasts = left.saturating_add(probing);
    view.lease = Lease::Asked;
    view.must_lease = Some(Ask::Lease { epoch: open_epoch.epoch, lasts });
    None
}

/// Redis is away: the circuit, of whose open time this much is `left`, goes by itself.
fn go_alone(view: &mut View, circuit: &Circuit, epoch: u64, left: Duration, now: Timestamp) {
    view.must_lease = None;
    let denied = match view.lease {
        // Another may probe: that was Redis' last word.
        Lease::Denied { until } if now < until => until.since(now),
        _ => {
            view.lease = Lease::None;
            Duration::ZERO
        }
    };
    circuit.hold(epoch, left.max(denied));
}

/// A request for a lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) epoch: u64,
    pub(super) lasts: Duration,
    pub(super) sent: Timestamp,
}

/// What has become of a request for a lease.
///
/// Whoever has it, it is believed for as long as was asked for at most, from when it was asked for:
/// who may write to Redis keeps no circuit from probing for longer than a probe takes.
pub(super) fn leased(
    view: &mut View,
    circuit: &Circuit,
    asked: Asked,
    reply: Option<&Reply>,
    options: &Options,
    now: Timestamp,
) {
    let epoch = asked.epoch;
    let Some(open_epoch) = view.open_epoch().filter(|open_epoch| open_epoch.epoch == epoch) else {
        return;
    };
    let until = |reply: &Reply| {
        let left = Duration::from_millis(reply.number.try_into().unwrap_or(0));
        asked.sent.after(left.min(asked.lasts))
    };
    match reply {
        Some(reply) if reply.code == 1 => {
            // Over here no later than in Redis.
            let until = until(reply);
            view.lease = Lease::Held { until };
            circuit.lease(epoch, open_epoch.ends.since(now), until.since(now), options.hold);
        }
        Some(reply) if reply.code == 0 => {
            let until = until(reply);
            view.lease = Lease::Denied { until };
            let stays = until.since(now).saturating_add(options.hold);
            circuit.recall(epoch, stays);
            circuit.expect_link(epoch, stays, options.hold);
        }
        _ => {
            // Nobody can say: each for itself.
            view.lease = Lease::Unanswered { until: now.after(PAUSE) };
            circuit.hold(epoch, open_epoch.ends.since(now));
        }
    }
}
