//! Wrong tokens, counted by the peer that shows them, and answered late where there are many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::sync::lock;

/// How many wrong tokens each peer has shown of late.
#[derive(Debug)]
pub(crate) struct Attempts {
    counted: Mutex<WrongTokens>,
    /// Places of answers that are held back.
    held: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct WrongTokens {
    /// `None` stands for all whose address is not known, and for those beyond the cap.
    peers: HashMap<Option<IpAddr>, Recent>,
    total: u64,
}

/// Attempts since `since`.
#[derive(Debug)]
struct Recent {
    since: Instant,
    attempts: u32,
}

/// A place among the answers that are held back.
pub(crate) type Held = OwnedSemaphorePermit;

impl Default for Attempts {
    fn default() -> Self {
        let held = Arc::new(Semaphore::new(MOST_HELD));
        Self { counted: Mutex::default(), held }
    }
}

impl Attempts {
    /// Counts a wrong token; how long this peer is to wait before it tries again, if it has shown too
    /// many.
    pub(crate) fn count(&self, peer: Option<IpAddr>) -> Option<Duration> {
        let mut counted = lock(&self.counted);
        counted.total = counted.total.saturating_add(1);
        if counted.peers.len() >= MOST_PEERS {
            counted.peers.retain(|_, recent| recent.since.elapsed() < MINUTE);
        }
        let key = counted.key(peer);
        let fresh = || Recent { since: Instant::now(), attempts: 0 };
        let recent = counted.peers.entry(key).or_insert_with(fresh);
        if recent.since.elapsed() >= MINUTE {
            *recent = fresh();
        }
        recent.attempts = recent.attempts.saturating_add(1);
        let left = MINUTE.saturating_sub(recent.since.elapsed());
        (recent.attempts > MOST_ATTEMPTS).then_some(left)
    }

    /// A place for an answer to be held back, while there is one.
    pub(crate) fn hold(&self) -> Option<Held> {
        Arc::clone(&self.held).try_acquire_owned().ok()
    }

    /// How many wrong tokens were shown in all.
    pub(crate) fn total(&self) -> u64 {
        lock(&self.counted).total
    }
}

impl WrongTokens {
    fn key(&self, peer: Option<IpAddr>) -> Option<IpAddr> {
        let peer = peer.map(network);
        let is_full = self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&peer);
        if is_full { None } else { peer }
    }
}

/// A peer that has one address of IPv6 has its /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// For how long an answer is held back.
pub(crate) const DELAY: Duration = Duration::from_secs(1);

const MINUTE: Duration = Duration::from_secs(60);
/// More than a person mistypes, in a minute.
const MOST_ATTEMPTS: u32 = 10;
/// Peers counted one by one; 100 kB at most.
const MOST_PEERS: usize = 1024;
/// Beyond these an answer goes at once: whoever guesses is not to fill the memory.
const MOST_HELD: usize = 256;
