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
    /// In twentieths: a ramp of a minute is not to be told four times a second.
    admitted: Option<u8>,
    stalled: Stalled,
    is_kept_closed: bool,
}

/// How near to the limit calls hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stalled {
    None,
    Some,
    Half,
}

impl Told {
    /// `limit` is that of stalled calls, where there is one.
    pub(crate) fn of(snapshot: &CircuitSnapshot, limit: impl FnOnce() -> Option<f64>) -> Self {
        Self {
            epoch: snapshot.epoch,
            state: snapshot.state,
            overridden: snapshot.overridden,
            serial: snapshot.operators_override.as_ref().map(|own| own.serial),
            isolations: snapshot.isolations,
            admitted: snapshot.admitted_share.map(twentieths),
            stalled: Stalled::of(snapshot.stalled_calls, limit),
            is_kept_closed: snapshot.trip_prevented_ago.is_some(),
        }
    }
}

impl Stalled {
    fn of(calls: u64, limit: impl FnOnce() -> Option<f64>) -> Self {
        if calls == 0 {
            return Self::None;
        }
        match limit() {
            Some(limit) if count(calls) * 2.0 >= limit => Self::Half,
            _ => Self::Some,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 20")]
fn twentieths(share: f64) -> u8 {
    (share * 20.0) as u8
}

#[expect(clippy::cast_precision_loss, reason = "compared with a limit of a few")]
const fn count(calls: u64) -> f64 {
    calls as f64
}
