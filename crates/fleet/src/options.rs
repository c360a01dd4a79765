//! What a node goes by.

use std::time::Duration;

use crate::word::Word;

/// The settings that the protocol needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long an open circuit waits, beyond its time, for Redis to answer whether it may probe.
    pub hold: Duration,
    /// How long a node may probe; `None`: as long as a probe of the circuit may take.
    pub lease: Option<Duration>,
    /// How long a vote counts; a process that joined less than that ago has none of its own.
    pub vote_window: Duration,
    /// Another in each process, so that not all ask at the same moment.
    pub seed: u64,
}

/// How long before the end of the open time a lease is asked for.
const LEAD: Duration = Duration::from_secs(1);

impl Options {
    /// How long beyond its time a circuit stays open at first: where that time is near, or over,
    /// until it has been asked whether it may probe.
    pub fn longer(&self, word: &Word) -> Duration {
        let is_near = word.left <= lead(word.record.open_for);
        if is_near { self.hold } else { Duration::ZERO }
    }

    /// How long before the end of an open epoch this process asks for a lease: from half of the
    /// longest to the whole, another in each process and epoch.
    pub fn lead(&self, epoch: u64, open_for: Duration) -> Duration {
        let mixed = (self.seed ^ epoch).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let share = 0.5 + 0.5 * f64::from(u16::try_from(mixed).unwrap_or(0)) / f64::from(u16::MAX);
        lead(open_for).mul_f64(share)
    }
}

/// How long at most before the end of an open time of `open_for` a lease is asked for.
fn lead(open_for: Duration) -> Duration {
    LEAD.min(open_for / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_ask_for_leases_at_different_moments() {
        let second = Duration::from_secs(1);
        let lead = |seed| {
            let options = Options { hold: second, lease: None, vote_window: second, seed };
            options.lead(1_790_000_000_000_000, 30 * second)
        };
        let mut leads: Vec<_> =
            (0..200).map(|seed| lead(u64::wrapping_mul(seed, 0x1234_5678_9abc_def1))).collect();
        leads.sort_unstable();
        leads.dedup();

        assert!(leads.len() > 190, "{}", leads.len());
        assert!(leads[0] >= second / 2 && leads[leads.len() - 1] <= second, "{leads:?}");
        assert!(leads[0] < second * 6 / 10 && leads[leads.len() - 1] > second * 9 / 10);
    }
}
