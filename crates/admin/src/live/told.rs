//! What of a circuit is told at once when it changes.

use tower_circuit_breaker::{CircuitSnapshot, CircuitState, Override};

/// What an operator is to see at once: it changes with the state and what operators do, and as little
/// as can be with each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    epoch: u64,
    state: CircuitState,
    overridden: Option<Override>,
    serial: Option<u64>,
    isolations: u32,
    is_critical: bool,
    /// In twentieths: a ramp of a minute is not to be told four times a second.
    admitted: Option<u8>,
    /// In quarters of the limit.
    stalled: Option<u8>,
    is_kept_closed: bool,
}

impl Told {
    /// `limit` is that of stalled calls, where there is one.
    pub(crate) fn of(
        snapshot: &CircuitSnapshot,
        is_critical: bool,
        limit: impl FnOnce() -> Option<f64>,
    ) -> Self {
        Self {
            epoch: snapshot.epoch,
            state: snapshot.state,
            overridden: snapshot.overridden,
            serial: snapshot.operators_override.as_ref().map(|own| own.serial),
            isolations: snapshot.isolations,
            is_critical,
            admitted: snapshot.admitted_share.map(|share| small(share * 20.0)),
            stalled: quarters(snapshot.stalled_calls, limit),
            is_kept_closed: snapshot.trip_prevented_ago.is_some(),
        }
    }
}

fn quarters(calls: u64, limit: impl FnOnce() -> Option<f64>) -> Option<u8> {
    if calls == 0 {
        return None;
    }
    let limit = limit().filter(|limit| *limit > 0.0);
    Some(limit.map_or(0, |limit| small((count(calls) * 4.0 / limit).min(4.0))))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 20")]
const fn small(number: f64) -> u8 {
    number as u8
}

#[expect(clippy::cast_precision_loss, reason = "compared with a limit of a few")]
const fn count(calls: u64) -> f64 {
    calls as f64
}
