//! A share of calls, in whole numbers.

/// A share in (0, 1].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate(pub(super) f64);

/// Rates that mean the same are equal, though one of them came through text.
impl PartialEq for Rate {
    fn eq(&self, other: &Self) -> bool {
        self.scaled() == other.scaled()
    }
}

impl Rate {
    /// A share, if it is above 0 and at most 1.
    pub(crate) fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share <= 1.0).then_some(Self(share))
    }

    /// A share, if it is above 0 and below 1.
    pub(crate) fn below_one(share: f64) -> Option<Self> {
        Self::new(share).filter(|rate| rate.scaled() < Self::SCALE)
    }

    /// The share as it was given.
    pub(crate) const fn share(self) -> f64 {
        self.0
    }

    /// The share in parts of [`SCALE`](Self::SCALE), rounded down, but so that a share that was
    /// written in decimals or as a quotient of small numbers is met by exactly that quotient.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and SCALE by construction"
    )]
    pub(crate) fn scaled(self) -> u32 {
        ((self.0 * f64::from(Self::SCALE) + 0.001) as u32).clamp(1, Self::SCALE)
    }

    /// Rates are compared in whole parts of this.
    pub(crate) const SCALE: u32 = 1_000_000_000;

    /// Whether `part` of `whole` is at least `scaled` parts of [`SCALE`](Self::SCALE).
    pub(crate) fn is_reached(scaled: u32, part: u64, whole: u64) -> bool {
        let part = u128::from(part).saturating_mul(u128::from(Self::SCALE));
        let whole = u128::from(whole).saturating_mul(u128::from(scaled));
        whole > 0 && part >= whole
    }
}

#[cfg(test)]
mod tests;
