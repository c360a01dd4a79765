//! The kernel's monotonic clocks, in nanoseconds since the system was started.

use rustix::time::{ClockId, clock_gettime};

/// The precise clock.
#[inline]
pub(super) fn precise() -> u64 {
    read(ClockId::Monotonic)
}

/// The clock of the last timer tick: never ahead of the precise one, and behind it by a tick or
/// more, for which there is no bound by contract.
#[inline]
pub(super) fn coarse() -> u64 {
    read(ClockId::MonotonicCoarse)
}

#[inline]
fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither is negative: the clocks count from when the system was started.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}
