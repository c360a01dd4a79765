//! Wrong tokens, counted by the peer that shows them, and answered late where there are many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::host::network;
use crate::sync::lock;

/// How many wrong tokens each peer has shown of late.
#[derive(Debug)]
pub(crate) struct Attempts {
    counted: Mutex<WrongTokens>,
    /// Places of answers that are held back, of all peers.
    places: Arc<Semaphore>,
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
    /// Its own places: one peer is not to take all.
    places: Arc<Semaphore>,
}

/// What becomes of the answer to a peer that has shown too many.
#[derive(Debug)]
pub(crate) struct TooMany {
    /// How long it is to wait before it tries again.
    pub(crate) wait: Duration,
    /// For as long as the answer is held back; `None` where it goes at once.
    pub(crate) held: Option<Held>,
}

/// A place among the answers that are held back: one of the peer's, and one of all.
pub(crate) type Held = Box<[OwnedSemaphorePermit; 2]>;

impl Default for Attempts {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(MOST_HELD));
        Self { counted: Mutex::default(), places }
    }
}

impl Attempts {
    /// Counts a wrong token, and holds the answer back where this peer has shown too many.
    pub(crate) fn count(&self, peer: Option<IpAddr>) -> Option<TooMany> {
        let mut counted = lock(&self.counted);
        counted.total = counted.total.saturating_add(1);
        if counted.peers.len() >= MOST_PEERS {
            counted.peers.retain(|_, recent| recent.since.elapsed() < MINUTE);
        }
        let key = counted.key(peer);
        let recent = counted.peers.entry(key).or_insert_with(Recent::new);
        if recent.since.elapsed() >= MINUTE {
            (recent.since, recent.attempts) = (Instant::now(), 0);
        }
        recent.attempts = recent.attempts.saturating_add(1);
        if recent.attempts <= MOST_ATTEMPTS {
            return None;
        }
        let wait = MINUTE.saturating_sub(recent.since.elapsed());
        let both = place(&recent.places).zip(place(&self.places));
        Some(TooMany { wait, held: both.map(|(own, of_all)| Box::new([own, of_all])) })
    }

    /// How many wrong tokens were shown in all.
    pub(crate) fn total(&self) -> u64 {
        lock(&self.counted).total
    }
}

impl Recent {
    fn new() -> Self {
        let places = Arc::new(Semaphore::new(MOST_HELD_OF_ONE));
        Self { since: Instant::now(), attempts: 0, places }
    }
}

fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(places).try_acquire_owned().ok()
}

impl WrongTokens {
    fn key(&self, peer: Option<IpAddr>) -> Option<IpAddr> {
        let peer = peer.map(network);
        let is_full = self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&peer);
        if is_full { None } else { peer }
    }
}

/// For how long an answer is held back.
pub(crate) const DELAY: Duration = Duration::from_secs(1);

const MINUTE: Duration = Duration::from_secs(60);
/// More than a person mistypes, in a minute.
const MOST_ATTEMPTS: u32 = 10;
/// Peers counted one by one; 200 kB at most.
const MOST_PEERS: usize = 1024;
/// Of one peer, which may be many people behind one address.
const MOST_HELD_OF_ONE: usize = 8;
/// Beyond these an answer goes at once: whoever guesses is not to fill the memory.
const MOST_HELD: usize = 256;
