//! The failures of the last five minutes, by kind.

use std::collections::VecDeque;

use tower_circuit_breaker::FailureKind;

/// What has failed in which point; nothing where nothing has.
#[derive(Debug, Default)]
pub(super) struct RecentKinds {
    /// The oldest first.
    few: VecDeque<FailedInPoint>,
}

#[derive(Debug)]
struct FailedInPoint {
    /// The number of the point.
    point: u64,
    kind: FailureKind,
    failures: u64,
}

impl RecentKinds {
    /// Adds what has failed within a point, and forgets what is older than the last `most` points.
    pub(super) fn add(&mut self, point: u64, most: u64, failures: &[(FailureKind, u64)]) {
        while self.few.front().is_some_and(|few| few.point.saturating_add(most) <= point) {
            self.few.pop_front();
        }
        for (kind, failures) in failures {
            let of_point = self.few.iter_mut().rev().take_while(|few| few.point == point);
            match of_point.into_iter().find(|few| few.kind == *kind) {
                Some(few) => few.failures = few.failures.saturating_add(*failures),
                None => {
                    self.few.push_back(FailedInPoint { point, kind: *kind, failures: *failures })
                }
            }
        }
    }

    /// The failures of the `most` points that end with this one, in the order in which kinds came.
    pub(super) fn sum(&self, point: u64, most: u64) -> Vec<(FailureKind, u64)> {
        let mut sum: Vec<(FailureKind, u64)> = Vec::new();
        for few in self.few.iter().filter(|few| few.point.saturating_add(most) > point) {
            match sum.iter_mut().find(|(kind, _)| *kind == few.kind) {
                Some((_, failures)) => *failures = failures.saturating_add(few.failures),
                None => sum.push((few.kind, few.failures)),
            }
        }
        sum
    }
}
