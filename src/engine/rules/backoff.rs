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
    factor: Factor,
    jitter: Jitter,
}

/// By how much the open time grows with each step, in thousandths, so that it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Factor(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jitter {
    None,
    Half,
}

impl Backoff {
    /// Keeps the same open time after each failed recovery, without jitter.
    #[must_use]
    pub const fn fixed(open_for: Duration) -> Self {
        Self { first: open_for, max: open_for, factor: Factor::TWO, jitter: Jitter::None }
    }

    /// Doubles the open time with each failed recovery, from `first` up to `max`, with jitter.
    ///
    /// Each time is drawn evenly from the upper half of its step, so that many processes that
    /// tripped together do not come back together: "equal jitter" in [Exponential Backoff And
    /// Jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A `max`
    /// below `first` means `first`.
    #[must_use]
    #[doc(alias = "equal_jittered")]
    pub fn exponential(first: Duration, max: Duration) -> Self {
        Self { first, max: max.max(first), factor: Factor::TWO, jitter: Jitter::Half }
    }

    /// Sets the factor by which the open time grows with each failed recovery.
    ///
    /// Default 2; to three decimals.
    ///
    /// # Panics
    ///
    /// Panics if `factor` is below 1 or above 100.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::Backoff;
    ///
    /// // 10 s, 15 s, 22.5 s and so on, each drawn from its upper half.
    /// let backoff = Backoff::exponential(Duration::from_secs(10), Duration::from_secs(300));
    /// let backoff = backoff.factor(1.5);
    /// # assert_eq!(backoff.first(), Duration::from_secs(10));
    /// ```
    #[must_use]
    #[track_caller]
    #[doc(alias = "multiplier")]
    #[doc(alias = "exponentialBackoffMultiplier")]
    pub fn factor(self, factor: f64) -> Self {
        let new = Factor::new(factor);
        assert!(new.is_some(), "factor is {factor}: must be from 1 to 100, such as 1.5");
        Self { factor: new.unwrap_or(Factor::TWO), ..self }
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

    /// The factor, if it is not 2.
    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "only text asks for it"))]
    pub(crate) fn own_factor(&self) -> Option<f64> {
        (self.factor != Factor::TWO).then(|| self.factor.as_f64())
    }

    /// The open time of step `step`, counted from 0; `draw` is a random number.
    pub(crate) fn step(&self, step: u32, draw: u64) -> Duration {
        let nominal = self.factor.grown(self.first, self.max, step);
        match self.jitter {
            Jitter::None => nominal,
            Jitter::Half => {
                let half = nominal.checked_div(2).unwrap_or(nominal);
                half.saturating_add(share(half, draw))
            }
        }
    }
}

impl Factor {
    const TWO: Self = Self(2000);

    /// A factor, if it is from 1 to 100.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1,000 to 100,000 by construction"
    )]
    fn new(factor: f64) -> Option<Self> {
        (1.0..=100.0).contains(&factor).then(|| Self((factor * 1000.0).round() as u32))
    }

    fn as_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// `first` after `steps` steps, at most `max`.
    fn grown(self, first: Duration, max: Duration, steps: u32) -> Duration {
        let mut time = first;
        for _ in 0..steps {
            let next = self.times(time);
            if next >= max {
                return max;
            }
            // Less than a nanosecond a step: it never grows.
            if next == time {
                break;
            }
            time = next;
        }
        time.min(max)
    }

    /// `time`, once multiplied.
    fn times(self, time: Duration) -> Duration {
        let thousandths = time.as_nanos().saturating_mul(self.0.into());
        let nanos = thousandths.checked_div(1000).unwrap_or(thousandths);
        let seconds = u64::try_from(nanos.checked_div(NANOS_PER_SECOND).unwrap_or(nanos));
        let rest = u32::try_from(nanos.checked_rem(NANOS_PER_SECOND).unwrap_or(0));
        match (seconds, rest) {
            (Ok(seconds), Ok(rest)) => Duration::new(seconds, rest),
            _ => Duration::MAX,
        }
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

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
mod tests;
