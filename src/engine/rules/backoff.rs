//! How long a circuit stays open.

use std::time::Duration;

/// The backoff: how the open time grows from one failed recovery to the next.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Backoff, Circuit};
///
/// let circuit = Circuit::builder("payments")
///     .open_backoff(Backoff::exponential(Duration::from_secs(5), Duration::from_secs(300)))
///     .build();
/// # assert_eq!(circuit.name(), "payments");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    jitter: Jitter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jitter {
    None,
    Half,
}

impl Backoff {
    /// Keeps the same open time after each failed recovery, without jitter.
    #[must_use]
    pub const fn fixed(open_for: Duration) -> Self {
        Self { first: open_for, max: open_for, jitter: Jitter::None }
    }

    /// Doubles the open time with each failed recovery, from `first` up to `max`, with jitter.
    ///
    /// Each time is drawn evenly from the upper half of its step, so that many processes that
    /// tripped together do not come back together: "equal jitter" in [Exponential Backoff And
    /// Jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A `max`
    /// below `first` means `first`.
    #[must_use]
    #[doc(alias = "waitIntervalFunctionInOpenState")]
    #[doc(alias = "BreakDurationGenerator")]
    #[doc(alias = "equal_jittered")]
    pub fn exponential(first: Duration, max: Duration) -> Self {
        Self { first, max: max.max(first), jitter: Jitter::Half }
    }

    /// Removes the jitter: the open times are exactly the steps.
    #[must_use]
    pub const fn without_jitter(self) -> Self {
        Self { jitter: Jitter::None, ..self }
    }

    /// Returns the open time of the first trip, before jitter.
    #[must_use]
    pub const fn first(&self) -> Duration {
        self.first
    }

    /// Returns the longest open time.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// Returns whether the open times are drawn at random.
    #[must_use]
    pub const fn is_jittered(&self) -> bool {
        matches!(self.jitter, Jitter::Half)
    }

    /// The open time of step `step`, counted from 0; `draw` is a random number.
    pub(crate) fn step(&self, step: u32, draw: u64) -> Duration {
        let nominal = doubled(self.first, step).min(self.max);
        match self.jitter {
            Jitter::None => nominal,
            Jitter::Half => {
                let half = nominal.checked_div(2).unwrap_or(nominal);
                half.saturating_add(share(half, draw))
            }
        }
    }
}

/// `time`, doubled `times` times.
fn doubled(time: Duration, times: u32) -> Duration {
    // Any time but zero exceeds the longest duration after that many doublings.
    let times = times.min(94);
    let (lower, upper) = (times.min(31), times.saturating_sub(31));
    let half_way = time.saturating_mul(1 << lower);
    (0..upper).fold(half_way, |time, _| time.saturating_mul(2))
}

/// `draw / 2^64` of `whole`.
fn share(whole: Duration, draw: u64) -> Duration {
    let nanos = whole.as_nanos().saturating_mul(u128::from(draw >> 32)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A small generator for jitter: `SplitMix64` (Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Debug)]
pub(crate) struct JitterRng(u64);

impl JitterRng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        Self::mix(self.0)
    }

    /// The step of the state from one draw to the next.
    pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The number drawn at state `z`.
    pub(crate) const fn mix(mut z: u64) -> u64 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, JitterRng};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn steps_double_up_to_the_maximum() {
        let backoff = Backoff::exponential(SECOND, 10 * SECOND).without_jitter();

        let steps: Vec<u64> = (0..6).map(|step| backoff.step(step, 0).as_secs()).collect();

        assert_eq!(steps, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.step(u32::MAX, 0), 10 * SECOND);
    }

    #[test]
    fn jitter_stays_in_the_upper_half_of_the_step() {
        let backoff = Backoff::exponential(SECOND, 10 * SECOND);
        let mut jitter = JitterRng::new(7);

        let drawn: Vec<Duration> = (0..1000).map(|_| backoff.step(2, jitter.roll())).collect();

        assert!(drawn.iter().all(|d| (2 * SECOND..=4 * SECOND).contains(d)), "{drawn:?}");
        assert!(drawn.iter().any(|d| *d < 2 * SECOND + SECOND / 10), "never near the lower end");
        assert!(drawn.iter().any(|d| *d > 4 * SECOND - SECOND / 10), "never near the upper end");
    }

    #[test]
    fn the_dice_roll_as_splitmix64_does() {
        let mut jitter = JitterRng::new(1_234_567);

        let rolled: Vec<u64> = (0..3).map(|_| jitter.roll()).collect();

        // The first three of the reference implementation, <https://prng.di.unimi.it/splitmix64.c>.
        let reference =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(rolled, reference);
    }

    #[test]
    fn a_maximum_below_the_first_step_means_the_first() {
        let backoff = Backoff::exponential(2 * SECOND, SECOND).without_jitter();

        assert_eq!(backoff.step(3, 0), 2 * SECOND);
    }

    #[test]
    fn the_shortest_first_step_reaches_the_longest_maximum() {
        let backoff = Backoff::exponential(Duration::from_nanos(1), Duration::MAX).without_jitter();

        assert_eq!(backoff.step(40, 0), Duration::from_nanos(1 << 40));
        assert_eq!(backoff.step(94, 0), Duration::MAX);
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        for step in [0, 1, 31, 32, u32::MAX] {
            let open_for = Backoff::exponential(Duration::MAX, Duration::MAX).step(step, u64::MAX);

            assert!(open_for >= Duration::MAX / 2, "step {step}");
        }
    }
}
