//! All that belongs to one upstream.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tower_circuit_breaker::Circuit;

use crate::journal::Journal;
use crate::load::Tally;
use crate::stack;
use crate::upstream::Upstream;

/// One upstream, the circuit in front of it, and what was seen of both.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) circuit: Circuit,
    pub(crate) journal: Arc<Journal>,
    tally: Mutex<Tally>,
}

/// Lines for the screen.
pub(crate) type Notes = mpsc::UnboundedSender<String>;

impl Lane {
    pub(crate) async fn open(name: &'static str, notes: &Notes) -> io::Result<Self> {
        let journal = Arc::new(Journal::new(name, notes.clone()));
        let listener = Arc::clone(&journal);
        let circuit = stack::circuit(&format!("upstream-{}", name.to_lowercase()), move |event| {
            listener.write(event)
        });
        let upstream = Upstream::start().await?;
        Ok(Self { name, upstream, circuit, journal, tally: Mutex::default() })
    }

    /// What the callers of the gateway have met.
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the gateway serves it: `/a` for upstream A.
    pub(crate) fn route(&self) -> String {
        format!("/{}", self.name.to_lowercase())
    }
}
