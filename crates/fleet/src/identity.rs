//! Who a process is in its fleet, and whose vote it has.

use crate::record::LONGEST_NODE;

/// A process of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name, which stands in records.
    pub name: String,
    /// Processes with the same have one vote together.
    pub vote: String,
    /// Drawn when it started: what tells it from another of its name.
    pub number: u64,
}

/// Whose vote a process casts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voter {
    /// The one of [`Identity::vote`].
    Own,
    /// The one of all processes that joined less than one vote window ago, which counts only where no
    /// other does: who has just joined may have voted before and crashed since.
    Young,
}

/// No process can be named so.
pub const YOUNG: &str = "*";

/// So much of a host's name is taken: the rest is for the number of the process.
const LONGEST_HOST: usize = LONGEST_NODE - 12;

impl Identity {
    /// Makes the identity of a process whose name and vote were chosen.
    pub fn named(name: impl Into<String>, number: u64) -> Self {
        let name = name.into();
        Self { vote: name.clone(), name, number }
    }

    /// Makes the identity of process `number` on a host: the host's vote, and a name with both.
    pub fn on_host(host: &str, process: u32, number: u64) -> Self {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
        let plain = |letter| if is_plain(letter) { letter } else { '-' };
        let host: String = host.chars().map(plain).take(LONGEST_HOST).collect();
        let vote = if host.is_empty() { format!("{number:016x}") } else { host };
        Self { name: format!("{vote}:{process}"), vote, number }
    }

    /// Returns what no other process has, not even one of the same name.
    pub fn id(&self) -> String {
        format!("{}/{:016x}", self.name, self.number)
    }

    /// Returns the text of a vote: the voter, a space, and the process that cast the vote.
    pub fn entry(&self, voter: Voter) -> String {
        format!("{} {}", self.vote_of(voter), self.id())
    }

    /// Returns the name of the vote that this process has as `voter`.
    pub fn vote_of(&self, voter: Voter) -> &str {
        match voter {
            Voter::Own => &self.vote,
            Voter::Young => YOUNG,
        }
    }
}

impl Voter {
    /// Returns the other one of the two.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Own => Self::Young,
            Self::Young => Self::Own,
        }
    }
}

/// Returns the name of the process that has this [`id`](Identity::id).
pub fn holder(id: &str) -> String {
    id.split('/').next().unwrap_or(id).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::is_node;

    #[test]
    fn whatever_a_host_is_called_its_processes_have_good_names() {
        let long = "a".repeat(200);
        for host in ["web-1", "", "Bücher.local", "a b\nc", "*", &long] {
            let process = Identity::on_host(host, u32::MAX, 7);
            assert!(is_node(&process.name) && is_node(&process.vote), "{host:?}: {process:?}");
            let other = Identity::on_host(host, 1, 7);
            assert_eq!(process.vote, other.vote, "{host:?}");
            assert_ne!(process.name, other.name, "{host:?}");
            assert_ne!(process.entry(Voter::Own), process.entry(Voter::Young), "{host:?}");
        }
    }

    #[test]
    fn two_processes_of_one_name_are_two() {
        let [one, other] = [1, 2].map(|number| Identity::named("web", number));

        assert_ne!(one.id(), other.id());
        assert_ne!(one.entry(Voter::Own), other.entry(Voter::Own));
    }
}
