//! The confidence that more calls fail than may: the lower Wilson bound of a share.

use crate::engine::rules::rate::Rate;

#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// A probability between one half and one, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Confidence(u32);

/// The threshold for the failures in a window. It fits in one word, so that a call that reads it
/// gets rate and confidence of the same settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Threshold {
    /// The rate, in parts of [`Rate::SCALE`].
    rate: u32,
    /// How many standard deviations the failures must lie above the rate, squared.
    deviations_squared: f32,
}

impl Confidence {
    /// `share` as a confidence, if it is above 0.5 and below 1.
    pub(crate) fn new(share: f64) -> Option<Self> {
        let is_between = share > 0.5 && share < 1.0;
        is_between.then(|| Self(billionths(share).clamp(HALF.saturating_add(1), ONE - 1)))
    }

    /// The confidence as it is written. Reading that gives the same one, also where a reader of
    /// text is off by the last bit.
    pub(crate) fn share(self) -> f64 {
        f64::from(self.0) / f64::from(ONE)
    }

    /// The standard normal quantile: how many standard deviations above the mean only
    /// `1 - self` of a normal distribution lie.
    ///
    /// Newton's method on the distribution function, which bends downwards there: it comes from
    /// below, and stays below. The function itself is the series of Marsaglia, "Evaluating the
    /// Normal Distribution", Journal of Statistical Software 11 (4), 2004, whose terms all have one
    /// sign, so that no digits cancel. The error is below 1e-7 up to the highest confidence, which
    /// is six deviations, and below 1e-11 up to 0.9999.
    fn quantile(self) -> f64 {
        let mut z = 0.0_f64;
        for _ in 0..MOST_NEWTON_STEPS {
            let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            z += (self.share() - 0.5 - density * upper_series(z)) / density;
        }
        z
    }
}

impl Threshold {
    /// The threshold of a rule; in a count window of `window` calls, if it is one.
    ///
    /// A window may be too small for any number of failures to be enough. Then the threshold is
    /// lowered so far that only a full window of failures exceeds it.
    pub(crate) fn new(rate: Rate, confidence: Confidence, window: Option<u32>) -> Self {
        let scaled = rate.scaled();
        let rate = f64::from(scaled) / f64::from(Rate::SCALE);
        let z = confidence.quantile();
        // `n` failures of `n` calls exceed the threshold where `n * (1 - rate) / rate` is above it.
        let highest =
            window.map_or(f64::INFINITY, |calls| (f64::from(calls) - 0.5) * (1.0 - rate) / rate);
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
        let deviations_squared = (z * z).min(highest) as f32;
        Self { rate: scaled, deviations_squared }
    }

    /// The threshold as a word; never 0.
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.rate) | u64::from(self.deviations_squared.to_bits()) << 32
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves of a word")]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { rate: bits as u32, deviations_squared: f32::from_bits((bits >> 32) as u32) }
    }

    /// Whether the lower Wilson bound of `part` of `whole` is above the rate.
    ///
    /// The bound turns round the score test, so no root is needed: it is above the rate `p` where
    /// the part is above `p` times the whole by more than `z` standard deviations of a sample of
    /// that size, that is where `(part - p whole)² > z² whole p (1 - p)`.
    ///
    /// Both differences are exact: a window holds 2^44 calls at most, so that neither side of the
    /// subtraction has more than 74 bits, and the variance has no more than 104. Then each side is
    /// rounded two or three times to the 53 bits of a float, which is off by less than one part in
    /// 10^15; `z²` itself was rounded to seven digits.
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    pub(crate) fn is_cleared_by(self, part: u64, whole: u64) -> bool {
        let expected = u128::from(whole).saturating_mul(self.rate.into());
        let met = u128::from(part).saturating_mul(Rate::SCALE.into());
        let above = met.saturating_sub(expected) as f64;
        let rest = Rate::SCALE.saturating_sub(self.rate);
        let variance = expected.saturating_mul(rest.into()) as f64;
        above * above > f64::from(self.deviations_squared) * variance
    }
}

/// `z + z³/3 + z⁵/(3 · 5) + ..`: the density times this is how much of a normal distribution lies
/// between the mean and `z`.
fn upper_series(z: f64) -> f64 {
    let (mut sum, mut term, mut odd) = (z, z, 1.0);
    for _ in 0..MOST_TERMS {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    sum
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and ONE by construction"
)]
fn billionths(share: f64) -> u32 {
    (share * f64::from(ONE)).round() as u32
}

const ONE: u32 = 1_000_000_000;
const HALF: u32 = ONE / 2;

/// After this many steps a further one changes only the last digits, even at six deviations.
const MOST_NEWTON_STEPS: u32 = 40;

/// At six deviations the terms after this many are below the last digit.
const MOST_TERMS: u32 = 100;
