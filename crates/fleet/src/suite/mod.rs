//! What every [`Store`] guarantees, as a test that any store can run.
//!
//! [`run`] plays some processes on circuits of its own, whose names begin with `suite-`, and says what
//! was not as it should be. It takes some seconds of the store's clock; where that is tokio's, and is
//! paused, none.
//!
//! ```
//! use tower_circuit_breaker_fleet::store::MemoryStore;
//! use tower_circuit_breaker_fleet::suite;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let store = MemoryStore::new();
//! let broken = suite::run(|| std::future::ready(store.clone())).await;
//! assert!(broken.is_empty(), "{broken:?}");
//! # }
//! ```

use std::fmt;
use std::future::Future;

use crate::store::Store;
use crate::suite::player::{Player, Verdict};

mod at_once;
mod epochs;
mod leases;
mod names;
mod numbers;
mod overrides;
mod player;
mod stream;
mod sums;
#[cfg(test)]
mod tests;
mod votes;

/// What a store guarantees; see [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Guarantee {
    /// Its clock does not go back, and what was said to last does for no longer.
    Clock,
    /// Each request is one step, also where several processes ask at once.
    Steps,
    /// Each change has an epoch above all that were before, and each override a serial of its own.
    Epochs,
    /// What was answered is what every later request meets.
    Reads,
    /// A vote counts once, for its window, and not after what it knew nothing of.
    Votes,
    /// At most so many hold a lease as may, each for its time.
    Leases,
    /// A verdict on an epoch that is over changes nothing.
    Verdicts,
    /// The number of changes of a circuit's partition grows with each, and never comes back.
    Changes,
    /// Every change is brought once, those of a circuit in their order.
    Stream,
    /// Sums are of all processes, of one epoch and of their window.
    Sums,
    /// Another process of one's name is noticed, and all processes are found.
    Names,
}

/// A guarantee that a store has not kept, and how that showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    guarantee: Guarantee,
    how: String,
}

impl Broken {
    /// Returns which guarantee it is.
    #[must_use]
    pub const fn guarantee(&self) -> Guarantee {
        self.guarantee
    }
}

/// Looks for everything that a store guarantees; gives what it has not kept.
///
/// `connect` gives another process's way to the same store each time. A store that does not answer
/// within five seconds is one that does not answer. How many partitions it has is not told, but found:
/// by which number of changes those of some circuits raise.
///
/// What has to be there for its time is not judged where machine or store were so slow that the time
/// may have been over.
pub async fn run<S, F>(connect: impl Fn() -> F) -> Vec<Broken>
where
    S: Store,
    F: Future<Output = S>,
{
    let mut broken = Vec::new();
    let mut note = |guarantee, verdict: Verdict| {
        broken.extend(verdict.err().map(|how| Broken { guarantee, how }));
    };
    let mut players = Vec::new();
    for number in 0..4 {
        players.push(Player::new(connect().await, number));
    }
    note(Guarantee::Clock, epochs::time_runs_down(&mut players).await);
    note(Guarantee::Clock, overrides::end_in_time(&mut players).await);
    note(Guarantee::Epochs, overrides::have_serials(&mut players).await);
    note(Guarantee::Epochs, epochs::each_is_above_all(&mut players).await);
    note(Guarantee::Reads, epochs::what_was_answered_is_read(&mut players).await);
    note(Guarantee::Verdicts, epochs::verdicts_are_on_the_present(&mut players).await);
    note(Guarantee::Votes, votes::each_counts_once(&mut players).await);
    note(Guarantee::Votes, votes::each_ends(&mut players).await);
    note(Guarantee::Votes, votes::of_a_rate_need_no_quorum(&mut players).await);
    note(Guarantee::Votes, votes::of_what_is_over_do_not_count(&mut players).await);
    note(Guarantee::Leases, leases::as_many_as_may(&mut players).await);
    note(Guarantee::Leases, leases::each_for_its_time(&mut players).await);
    note(Guarantee::Changes, numbers::grow_and_never_come_back(&mut players).await);
    note(Guarantee::Changes, numbers::are_raised_by_every_change(&mut players).await);
    note(Guarantee::Changes, numbers::are_of_the_circuits_partition(&mut players).await);
    note(Guarantee::Steps, at_once::each_is_one_step(&mut players).await);
    note(Guarantee::Names, names::of_one_name_are_two(&mut players).await);
    note(Guarantee::Names, names::are_counted(&mut players).await);
    note(Guarantee::Sums, sums::are_of_all(&mut players).await);
    note(Guarantee::Stream, stream::brings_each_once(&mut players).await);
    broken
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} are not as they should be: {}", self.guarantee, self.how)
    }
}
