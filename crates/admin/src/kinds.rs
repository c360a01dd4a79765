//! Failures by kind, between two readings.

use tower_circuit_breaker::FailureKind;

/// The failures of one circuit by kind, as they were read last; in the circuit's own order, which does
/// not change, so that nothing is kept of one that has not failed.
#[derive(Debug, Default)]
pub(crate) struct KindTotals {
    read: Box<[u64]>,
}

impl KindTotals {
    /// Begins with what is read now; failures before it are in no difference.
    pub(crate) fn begin(now: &[(FailureKind, u64)]) -> Self {
        let mut totals = Self::default();
        totals.keep(now);
        totals
    }

    /// Takes what is read now, and gives what has come since it was read before. Where a number has
    /// fallen, the circuit is another one of that name: all of its failures are new.
    pub(crate) fn read(&mut self, now: &[(FailureKind, u64)]) -> Vec<(FailureKind, u64)> {
        let before = |place: usize| self.read.get(place).copied().unwrap_or_default();
        let is_other = now.len() < self.read.len()
            || now.iter().enumerate().any(|(place, (_, failures))| *failures < before(place));
        let new = now.iter().enumerate().map(|(place, (kind, failures))| {
            let before = if is_other { 0 } else { before(place) };
            (*kind, failures - before)
        });
        let new: Vec<_> = new.filter(|(_, failures)| *failures > 0).collect();
        if is_other || !new.is_empty() {
            self.keep(now);
        }
        new
    }

    fn keep(&mut self, now: &[(FailureKind, u64)]) {
        let has_failed = now.iter().any(|(_, failures)| *failures > 0);
        let counts = now.iter().filter(|_| has_failed).map(|(_, failures)| *failures);
        self.read = counts.collect();
    }
}
