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
mod tests {
    use super::Rate;

    #[test]
    fn a_rate_is_reached_exactly_at_its_share() {
        let half = Rate::new(0.5).unwrap();

        assert!(half.is_reached(1, 2) && half.is_reached(u64::MAX, u64::MAX));
        assert!(!half.is_reached(1, 3) && !half.is_reached(0, u64::MAX));
        assert_eq!(Rate::new(1e-12), Rate::new(1e-9));
        assert!([0.0, -0.5, 1.1, f64::NAN].into_iter().all(|share| Rate::new(share).is_none()));
    }
}
