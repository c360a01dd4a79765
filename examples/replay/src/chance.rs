//! A small generator of random numbers: the same seed gives the same calls everywhere.

use std::time::Duration;

pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to 1. A counter whose bits are well mixed (`SplitMix64`).
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let upper = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(upper) / (f64::from(u32::MAX) + 1.0)
    }

    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// The time until the next of calls that come independently of each other.
    pub(crate) fn gap(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.share()).ln())
    }

    /// About `median`: mostly half of it to twice as much.
    pub(crate) fn around(&mut self, median: Duration) -> Duration {
        let bell = self.share() + self.share() + self.share() - 1.5;
        median.mul_f64((bell * 0.9).exp())
    }
}
