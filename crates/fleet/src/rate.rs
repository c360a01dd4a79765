//! A share of calls, compared in whole numbers.

/// A share above 0 and at most 1, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u64);

const WHOLE: f64 = 1e9;

impl Rate {
    /// `None` unless the share is above 0 and at most 1. One that is smaller than a billionth is one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a billion by the check"
    )]
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share <= 1.0).then(|| Self(((share * WHOLE).round() as u64).max(1)))
    }

    /// Whether `part` of `whole` is this share or more.
    pub fn is_reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000_000 >= u128::from(whole) * u128::from(self.0)
    }
}

#[cfg(test)]
mod tests;
