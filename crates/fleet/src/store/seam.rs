//! What the protocol needs of a store.

use std::fmt;
use std::future::Future;

use crate::record::BadRecord;
use crate::request::{Reply, Request};
use crate::terms::Terms;
use crate::word::Word;

/// One process's way to what its fleet has agreed on.
///
/// What a store guarantees, and its [suite](crate::suite) looks for:
///
/// - **One clock.** All that it says goes by one clock of its own, in milliseconds, which does not go
///   back. Nothing lasts longer than was asked for, an override no more than an open time; also
///   should that clock be set back all the same.
/// - **Each request is one step.** Requests of different processes do not mix, also where they ask at
///   the same time; those of a batch are carried out in their order. What was answered is what every
///   later request of any process meets.
/// - **Epochs.** Every change of a record has an epoch above all that the store and the asking process
///   know of; none is used twice, also after the store has lost its data. What is more than a day ahead
///   of the store's clock is nobody's, and not known. An override that begins has its record's epoch as
///   [serial](crate::record::FleetRecord::serial), and keeps that.
/// - **Votes.** Each counts for the vote window and once, however often it is cast; processes with the
///   same vote have one, and so have all that have just joined. One that is withdrawn counts no
///   longer. The circuit opens with the quorum and not before; by [`Cause::Rate`] it opens at once. A
///   vote of a process that knows less than what stands there is refused.
/// - **Leases.** At most [`fleet_probes`](Terms::fleet_probes) processes hold one in an open epoch.
///   Each ends after what was asked for and not before; the same process that asks again has the same.
/// - **Verdicts and restores** are of the present. What probes have shown stands once, and if no later
///   epoch than theirs has begun; what a process knows is taken if what stands there is older.
/// - **Changes** of a partition's circuits, whatever they come from, raise its number in the same step,
///   and it is never again what it once was. That is the number of the circuit's own partition, and of
///   no other.
/// - **Partitions.** There are from 1 to [`MOST_PARTITIONS`], as many for all processes, and a circuit
///   is in the one that [`partition`](crate::partition::partition) gives. A store is not asked how many
///   it has: whoever connects a process knows it (a Redis has one, a Redis Cluster 16), and says so
///   where the process counts changes ([`Changes::new`]). The suite finds it by the numbers that
///   changes of some circuits raise.
/// - **The stream** brings every change once, whatever it comes from, those of a circuit in their order, or
///   says that some may be missing. A store that is gone says so: it is not silent.
/// - **Sums** are of what all processes have met, in the present epoch of a circuit and in their last
///   buckets; what comes late of an epoch that is over does not count. The first failure is a change of
///   the partition, so that all learn it.
/// - **Names.** A process is told of another that has said since that it has the same name. The census
///   has all that are there and have enlisted, with what they say; a look at a circuit has who has
///   voted and who may probe.
///
/// What a circuit's record, votes and leases become of each request is written once, in
/// [`Ledger`](crate::store::ledger::Ledger).
///
/// [`Cause::Rate`]: crate::record::Cause::Rate
/// [`Changes::new`]: crate::changes::Changes::new
/// [`MOST_PARTITIONS`]: crate::partition::MOST_PARTITIONS
pub trait Store: Send {
    /// Carries out `batch`, for the process and by the rules of `terms`, and gives an answer for each
    /// request, in their order.
    ///
    /// # Errors
    ///
    /// Where none of it was answered: it may have been carried out or not.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll the batch may have been carried out or not.
    fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> impl Future<Output = Result<Vec<Result<Reply, Refused>>, Gone>> + Send;

    /// Waits for the next change, of whichever process.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    fn changed(&mut self) -> impl Future<Output = Change> + Send;

    /// Is told whenever its process has read all that there is: it agrees with its fleet now.
    fn agreed(&mut self) {}
}

/// What comes unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The fleet's circuit of this name is so now.
    Circuit(Word, String),
    /// Some were lost: all is to be read again.
    Missed,
    /// The store can no longer be heard.
    Gone,
}

/// One request was answered, and not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    why: String,
}

/// The store did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    why: String,
}

impl Refused {
    /// Makes an error with the words of the store.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl Gone {
    /// Makes an error with the words of the system or the store.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl From<BadRecord> for Refused {
    fn from(bad: BadRecord) -> Self {
        Self::new(bad.to_string())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store refuses: {}", self.why)
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store does not answer: {}", self.why)
    }
}

impl std::error::Error for Refused {}

impl std::error::Error for Gone {}
