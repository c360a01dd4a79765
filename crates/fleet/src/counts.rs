//! The sums of the whole fleet: what this process has yet to add, and what all have met.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, Override};

use crate::partition::partition;
use crate::rate::Rate;
use crate::request::{Ask, Merge, Met, Reply, Request, Sum};
use crate::time::Timestamp;

/// The rule that looks at the whole fleet.
#[derive(Debug, Clone, Copy)]
pub struct FleetRate {
    pub rate: Rate,
    pub minimum_calls: u64,
    pub over: Duration,
    /// For so long failures are merged before the sums decide: until all processes have noticed, and
    /// add their successes, too.
    pub patience: Duration,
}

/// How often the sums are merged while there are failures.
pub const MERGE: Duration = Duration::from_secs(1);

/// What was met so long ago is of before, however short the time is that the sums go back.
const LATE: Duration = Duration::from_secs(5);

/// Ten buckets, as the time windows of circuits have by default.
pub const BUCKETS: u32 = 10;

/// The circuits of one request.
const MOST: usize = 256;

/// What of each circuit's totals has been reported to the fleet.
///
/// While no call of any process fails nothing is reported. From the first failure of a partition on
/// all processes report what calls of its circuits meet: the one that met it at once, the others when
/// they have read that there was one.
#[derive(Debug)]
pub struct Counts {
    rule: FleetRate,
    partitions: u16,
    reported: HashMap<Arc<str>, Reported>,
    failing: BTreeMap<u16, Failing>,
    /// When it was last asked what there is to add.
    asked: Timestamp,
}

/// What of a circuit was reported, in which epoch, and when that was all that it had met.
#[derive(Debug, Clone, Copy)]
struct Reported {
    epoch: u64,
    sum: Sum,
    at: Timestamp,
}

/// Whether calls of a partition fail.
#[derive(Debug, Clone, Copy, Default)]
struct Failing {
    /// The store has said so.
    in_fleet: bool,
    /// Until when a failure of this process counts.
    here_until: Timestamp,
}

impl Counts {
    pub fn new(rule: FleetRate, partitions: u16) -> Self {
        Self {
            rule,
            partitions,
            reported: HashMap::new(),
            failing: BTreeMap::new(),
            asked: Timestamp::ZERO,
        }
    }

    /// What to add to the sums now; `epoch` gives what is known of a circuit.
    ///
    /// What a circuit had met before it was first seen is not the fleet's affair, nor what it met while
    /// nothing failed; nor what nobody could add in time, since that would count as met now.
    pub fn requests(
        &mut self,
        circuits: &[Circuit],
        epoch: impl Fn(&str) -> u64,
        now: Timestamp,
    ) -> Vec<Request> {
        self.asked = now;
        let mut met: BTreeMap<u16, Vec<Met>> = BTreeMap::new();
        for circuit in circuits {
            let name = circuit.shared_name();
            let epoch = epoch(name);
            if let Some(sum) = self.unreported(circuit, epoch) {
                let here = partition(name, self.partitions);
                if sum.failures > 0 {
                    self.failing.entry(here).or_default().here_until = now.after(self.rule.over);
                }
                let circuit = Arc::clone(name);
                met.entry(here).or_default().push(Met { circuit, epoch, sum });
            }
        }
        met.into_iter().flat_map(|(partition, met)| self.merges(partition, met, now)).collect()
    }

    /// What calls have met in this epoch that the fleet does not know.
    fn unreported(&mut self, circuit: &Circuit, epoch: u64) -> Option<Sum> {
        let name = circuit.shared_name();
        let met = met_by(circuit);
        let now = self.asked;
        let afresh = Reported { epoch, sum: met, at: now };
        let Some(last) = self.reported.get_mut(name) else {
            self.reported.insert(Arc::clone(name), afresh);
            return None;
        };
        let reported = last.sum;
        // What was met before the fleet's last change does not count after it, and a circuit of the
        // same name may be another one now. And where the fleet forces calls through
        // nobody votes, and when that ends all start afresh: so does their sum.
        let is_another = met.calls < reported.calls || met.failures < reported.failures;
        let is_late = now.since(last.at) > self.rule.over.max(LATE);
        if is_another || is_late || last.epoch != epoch || is_forced_closed_by_fleet(circuit) {
            *last = afresh;
            return None;
        }
        let (calls, failures) = (met.calls - reported.calls, met.failures - reported.failures);
        if calls == 0 {
            last.at = now;
        }
        (calls > 0).then_some(Sum { calls, failures })
    }

    /// What tells whether calls of a partition fail in some process.
    pub fn question(&self, partition: u16) -> Ask {
        Ask::Merge(self.merge(partition, &[]))
    }

    fn merge(&self, partition: u16, met: &[Met]) -> Merge {
        let bucket = (self.rule.over / BUCKETS).max(Duration::from_millis(1));
        Merge { partition, buckets: BUCKETS, bucket, met: met.to_vec() }
    }

    fn merges(&mut self, partition: u16, met: Vec<Met>, now: Timestamp) -> Vec<Request> {
        let failing = self.failing.get(&partition).copied().unwrap_or_default();
        if !failing.in_fleet && now >= failing.here_until {
            // All is well everywhere, as far as is known.
            met.iter().for_each(|met| self.report(met));
            return Vec::new();
        }
        let request = |merge| Request { circuit: "".into(), ask: Ask::Merge(merge) };
        met.chunks(MOST).map(|met| request(self.merge(partition, met))).collect()
    }

    fn report(&mut self, met: &Met) {
        if let Some(reported) = self.reported.get_mut(&met.circuit) {
            reported.sum.add(met.sum);
            reported.at = self.asked;
        }
    }

    /// The store has added `merge`; gives the circuits of which the whole fleet meets too many failures.
    pub fn merged(&mut self, merge: &Merge, reply: &Reply) -> Vec<Arc<str>> {
        self.heard(merge.partition, reply.failing_for);
        merge.met.iter().for_each(|met| self.report(met));
        let has_waited = reply.failing_for.is_some_and(|lasted| lasted >= self.rule.patience);
        let sums = merge.met.iter().zip(&reply.sums);
        let exceeded = sums.filter(|(_, sum)| has_waited && self.is_exceeded(**sum));
        exceeded.map(|(met, _)| Arc::clone(&met.circuit)).collect()
    }

    /// For how long failures have been merged in a partition.
    pub fn heard(&mut self, partition: u16, failing_for: Option<Duration>) {
        self.failing.entry(partition).or_default().in_fleet = failing_for.is_some();
    }

    /// Whether what the fleet has met reaches the limit.
    fn is_exceeded(&self, sum: Sum) -> bool {
        sum.calls >= self.rule.minimum_calls
            && sum.failures > 0
            && self.rule.rate.is_reached(sum.failures, sum.calls)
    }

    pub fn forget(&mut self, is_here: impl Fn(&str) -> bool) {
        self.reported.retain(|name, _| is_here(name));
    }
}

fn is_forced_closed_by_fleet(circuit: &Circuit) -> bool {
    let own = circuit.is_overridden().then(|| circuit.operators_override()).flatten();
    own.is_some_and(|own| own.by_fleet && own.overridden == Override::ForcedClosed)
}

fn met_by(circuit: &Circuit) -> Sum {
    let totals = circuit.snapshot().totals;
    let calls = totals.successes.saturating_add(totals.failures);
    Sum { calls, failures: totals.failures }
}

#[cfg(test)]
mod tests;
