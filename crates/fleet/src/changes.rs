//! What is to be read again: circuits of partitions that have changed, and circuits that are new.

use std::collections::HashSet;
use std::sync::Arc;

use crate::partition::partition;

/// What a process has read of its store.
///
/// A round of reading begins with the numbers of changes, and ends when all circuits have been read
/// that they speak of. Only then are they believed: what changes meanwhile has another number.
#[derive(Debug)]
pub struct Changes {
    /// By partition: the number that was read before its circuits were.
    known: Vec<Option<i64>>,
    /// The same of the round that has begun.
    heard: Vec<Option<i64>>,
    read: HashSet<Arc<str>>,
}

impl Changes {
    /// Nothing has been read of so many partitions.
    pub fn new(partitions: u16) -> Self {
        let none = vec![None; usize::from(partitions.max(1))];
        Self { known: none.clone(), heard: none, read: HashSet::new() }
    }

    pub fn partitions(&self) -> u16 {
        u16::try_from(self.known.len()).unwrap_or(u16::MAX)
    }

    /// Whether this is another number than the one by which circuits were last read.
    pub fn is_news(&self, partition: u16, number: Option<i64>) -> bool {
        self.known.get(usize::from(partition)).is_some_and(|known| *known != number)
    }

    /// A partition's number was read: `None` where there was none.
    pub fn heard(&mut self, partition: u16, number: Option<i64>) {
        if let Some(heard) = self.heard.get_mut(usize::from(partition)) {
            *heard = number;
        }
    }

    /// Whether a circuit is to be read in this round.
    pub fn is_due(&self, circuit: &str) -> bool {
        let at = usize::from(partition(circuit, self.partitions()));
        let (known, heard) = (self.known.get(at), self.heard.get(at));
        let is_unchanged = known == heard && known.is_some_and(Option::is_some);
        !is_unchanged || !self.read.contains(circuit)
    }

    /// A circuit has been read.
    pub fn has_read(&mut self, circuit: &Arc<str>) {
        if !self.read.contains(circuit) {
            self.read.insert(Arc::clone(circuit));
        }
    }

    /// A circuit could not be read.
    pub fn has_not_read(&mut self, circuit: &str) {
        self.read.remove(circuit);
    }

    /// All that was due in this round has been read.
    pub fn end_round(&mut self) {
        self.known.clone_from(&self.heard);
    }

    /// All is to be read again.
    pub fn forget_all(&mut self) {
        self.known.fill(None);
    }

    /// Forgets circuits that there are no more.
    pub fn forget(&mut self, is_here: impl Fn(&str) -> bool) {
        self.read.retain(|circuit| is_here(circuit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    /// Reads all that is due of `circuits` while the number of changes is this.
    fn round(changes: &mut Changes, number: Option<i64>, circuits: &[&str]) -> usize {
        changes.heard(0, number);
        let due: Vec<_> = circuits.iter().filter(|circuit| changes.is_due(circuit)).collect();
        due.iter().for_each(|circuit| changes.has_read(&name(circuit)));
        changes.end_round();
        due.len()
    }

    #[test]
    fn circuits_are_read_once_and_then_when_something_has_changed() {
        let mut changes = Changes::new(1);
        let both = ["a", "b"];

        assert_eq!(round(&mut changes, Some(7), &both), 2);
        assert_eq!(round(&mut changes, Some(7), &both), 0);
        assert_eq!(round(&mut changes, Some(7), &["a", "b", "c"]), 1, "that one is new");
        assert_eq!(round(&mut changes, Some(8), &both), 2);
        assert_eq!(round(&mut changes, Some(3), &both), 2, "the store has forgotten");
        changes.forget_all();
        assert_eq!(round(&mut changes, Some(3), &both), 2);
        changes.forget(|circuit| circuit != "a");
        assert_eq!(round(&mut changes, Some(3), &both), 1, "it may be another of its name");
    }

    #[test]
    fn where_no_number_is_all_may_have_changed() {
        let mut changes = Changes::new(1);

        assert_eq!(round(&mut changes, None, &["a"]), 1);
        assert_eq!(round(&mut changes, None, &["a"]), 1);
        assert_eq!(round(&mut changes, Some(1), &["a"]), 1);
        assert_eq!(round(&mut changes, Some(1), &["a"]), 0);
    }

    #[test]
    fn a_round_that_fails_is_no_reading() {
        let mut changes = Changes::new(1);
        round(&mut changes, Some(1), &["a"]);
        changes.heard(0, Some(2));
        assert!(changes.is_due("a"));

        // Nothing was answered, and the next round begins.
        changes.heard(0, Some(2));
        assert!(changes.is_due("a"));
    }

    #[test]
    fn partitions_change_apart() {
        let mut changes = Changes::new(16);
        let circuits: Vec<String> = (0..64).map(|number| format!("c-{number}")).collect();
        let due = |changes: &Changes| circuits.iter().filter(|c| changes.is_due(c)).count();
        (0..16).for_each(|at| changes.heard(at, Some(1)));
        circuits.iter().for_each(|circuit| changes.has_read(&name(circuit)));
        changes.end_round();
        assert_eq!(due(&changes), 0);

        changes.heard(3, Some(2));

        let in_three = circuits.iter().filter(|circuit| partition(circuit, 16) == 3).count();
        assert_eq!(due(&changes), in_three);
    }
}
