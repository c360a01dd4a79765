//! How the link to the fleet does.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::fleet::{FleetLink, LinkStatus};
use tower_circuit_breaker::view::catch_panic;
use tower_circuit_breaker_fleet::lock::lock;

use crate::fault::Fault;
use crate::kind::SyncErrorKind;

/// The health of a process's link to its fleet.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SyncHealth {
    /// Whether the fleet can be heard.
    pub status: SyncStatus,
    /// Since when.
    pub in_status_for: Duration,
    /// How long ago everything was read from PostgreSQL; `None` before the first time.
    pub last_agreed: Option<Duration>,
    /// What went wrong last.
    pub last_error: Option<SyncErrorKind>,
    /// The same in the words of PostgreSQL or of the system, with what was done, and what helps.
    pub last_error_text: Option<String>,
    /// How often each kind of thing went wrong; only those that did.
    pub errors: Vec<(SyncErrorKind, u64)>,
    /// Connections made so far.
    pub connections: u64,
    /// Whether messages of the database arrive. Where they do not, as behind a pooler in transaction
    /// mode, this process learns of changes by polling alone.
    pub hears_changes: bool,
    /// How often messages came faster than they were read; all is read again after that.
    pub lagged: u64,
    /// The name of this process's vote: that of its host, or its own
    /// ([`node`](crate::PostgresSyncBuilder::node)).
    pub vote: String,
    /// For so long this process has no vote beside those of others, since it may have voted before and
    /// crashed; zero once its vote counts like theirs. The whole
    /// [vote window](crate::PostgresSyncBuilder::vote_window) before it joined.
    pub own_vote_in: Duration,
}

/// The status of a link: whether a process receives what its fleet has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncStatus {
    /// PostgreSQL answers.
    Connected,
    /// PostgreSQL answers, but refuses some of what is asked: see
    /// [`last_error`](SyncHealth::last_error).
    Degraded,
    /// PostgreSQL does not answer; circuits go on by themselves.
    Disconnected,
    /// The task has ended, with the runtime or with the last [`PostgresSync`](crate::PostgresSync).
    Stopped,
}

/// Reported of every change of the status.
pub(crate) type OnHealth = Arc<dyn Fn(&SyncHealth) + Send + Sync>;

/// The health, written by the task and read by all.
pub(crate) struct Monitor {
    reading: Reading,
    vote: String,
    vote_window: Duration,
    on_change: Option<OnHealth>,
}

/// The health alone: whoever holds it holds nothing of the user's.
#[derive(Clone)]
pub(crate) struct Reading(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    status: SyncStatus,
    since: Instant,
    agreed: Option<Instant>,
    last_error: Option<Fault>,
    /// The kinds of errors that were told in this status, by their place in `SyncErrorKind::ALL`.
    told: [bool; SyncErrorKind::ALL.len()],
    errors: [u64; SyncErrorKind::ALL.len()],
    connections: u64,
    /// When the first was made.
    joined: Option<Instant>,
    hears_changes: bool,
    lagged: u64,
}

impl SyncStatus {
    /// Returns the name used in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Degraded => "degraded",
            Self::Disconnected => "disconnected",
            Self::Stopped => "stopped",
        }
    }
}

impl Monitor {
    pub(crate) fn new(
        vote: &str,
        vote_window: Duration,
        on_change: Option<OnHealth>,
        now: Instant,
    ) -> Self {
        let state = State {
            status: SyncStatus::Disconnected,
            since: now,
            agreed: None,
            last_error: None,
            told: [false; SyncErrorKind::ALL.len()],
            errors: [0; SyncErrorKind::ALL.len()],
            connections: 0,
            joined: None,
            hears_changes: false,
            lagged: 0,
        };
        let reading = Reading(Arc::new(Mutex::new(state)));
        Self { reading, vote: vote.to_owned(), vote_window, on_change }
    }

    pub(crate) fn reading(&self) -> Reading {
        self.reading.clone()
    }

    pub(crate) fn health(&self, now: Instant) -> SyncHealth {
        let state = self.lock();
        let errors = SyncErrorKind::ALL.into_iter().zip(state.errors);
        let joined = state.joined.unwrap_or(now);
        let in_fleet_for = now.saturating_duration_since(joined);
        SyncHealth {
            status: state.status,
            in_status_for: now.saturating_duration_since(state.since),
            last_agreed: state.agreed.map(|agreed| now.saturating_duration_since(agreed)),
            last_error: state.last_error.as_ref().map(Fault::kind),
            last_error_text: state.last_error.as_ref().map(Fault::to_string),
            errors: errors.filter(|(_, times)| *times > 0).collect(),
            connections: state.connections,
            hears_changes: state.hears_changes,
            lagged: state.lagged,
            vote: self.vote.clone(),
            own_vote_in: self.vote_window.saturating_sub(in_fleet_for),
        }
    }

    pub(crate) fn count_error(&self, fault: &Fault) {
        let mut state = self.lock();
        state.last_error = Some(fault.clone());
        if let Some(times) = state.errors.get_mut(place(fault.kind())) {
            *times = times.saturating_add(1);
        }
    }

    /// What went wrong last.
    pub(crate) fn last_error(&self) -> Option<Fault> {
        self.lock().last_error.clone()
    }

    pub(crate) fn count_connection(&self, hears_changes: bool, now: Instant) {
        let mut state = self.lock();
        state.connections += 1;
        state.hears_changes = hears_changes;
        state.joined.get_or_insert(now);
    }

    pub(crate) fn count_lagged(&self) {
        let mut state = self.lock();
        state.lagged = state.lagged.saturating_add(1);
    }

    pub(crate) fn agree(&self, now: Instant) {
        self.lock().agreed = Some(now);
    }

    /// Notes the status. A change is logged in one line, and reported; so is an error of another kind
    /// while the link is not well.
    pub(crate) fn enter(&self, status: SyncStatus, now: Instant) {
        let mut state = self.lock();
        // What has stopped stays so.
        if state.status == SyncStatus::Stopped || !state.is_news(status) {
            return;
        }
        let from = std::mem::replace(&mut state.status, status);
        let lasted = now.saturating_duration_since(state.since);
        if from != status {
            state.since = now;
        }
        let error = state.last_error.clone();
        drop(state);
        tell(from, status, error.as_ref(), lasted);
        if let Some(on_change) = &self.on_change {
            // The user's code: what it does is its own affair.
            let _ = catch_panic(|| on_change(&self.health(now)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.reading.0)
    }
}

impl Reading {
    /// The health, as metrics and pages of any fleet show it.
    pub(crate) fn link(&self, now: Instant) -> FleetLink {
        let state = lock(&self.0);
        let status = match state.status {
            SyncStatus::Connected | SyncStatus::Degraded => LinkStatus::Connected,
            SyncStatus::Disconnected | SyncStatus::Stopped => LinkStatus::Disconnected,
        };
        let mut link = FleetLink::new(status, now.saturating_duration_since(state.since));
        link.last_agreed = state.agreed.map(|agreed| now.saturating_duration_since(agreed));
        link.errors = state.errors.iter().fold(0, |all, times| all.saturating_add(*times));
        link
    }
}

impl State {
    /// Whether `status` is another, or goes on with an error of a kind that was not told in it yet.
    fn is_news(&mut self, status: SyncStatus) -> bool {
        let is_other = self.status != status;
        if is_other {
            self.told.fill(false);
        }
        let is_well = matches!(status, SyncStatus::Connected | SyncStatus::Stopped);
        let error = self.last_error.as_ref().filter(|_| !is_well).map(Fault::kind);
        let told = error.and_then(|kind| self.told.get_mut(told_as(kind)));
        is_other | told.is_some_and(|told| !std::mem::replace(told, true))
    }
}

/// The place of `kind` in [`SyncErrorKind::ALL`].
fn place(kind: SyncErrorKind) -> usize {
    SyncErrorKind::ALL.iter().position(|other| *other == kind).unwrap_or(usize::MAX)
}

/// A PostgreSQL that is away is one thing to tell, however it shows.
fn told_as(kind: SyncErrorKind) -> usize {
    match kind {
        SyncErrorKind::TimedOut => place(SyncErrorKind::Unreachable),
        _ => place(kind),
    }
}

fn tell(from: SyncStatus, to: SyncStatus, error: Option<&Fault>, lasted: Duration) {
    let (from, to) = (from.as_str(), to.as_str());
    let lasted_ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
    if to == SyncStatus::Connected.as_str() {
        tracing::info!(
            target: "tower_circuit_breaker", store = "postgres", from, to, lasted_ms,
            "circuits are shared with the fleet"
        );
    } else {
        let why = error.map(tracing::field::display);
        let error = error.map(|error| error.kind().as_str());
        tracing::warn!(
            target: "tower_circuit_breaker", store = "postgres", from, to, error, why, lasted_ms,
            "circuits go on without the fleet"
        );
    }
}

impl fmt::Display for SyncStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("state", &*self.lock()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_link_is_connected_while_postgres_answers_at_all() {
        let start = Instant::now();
        let monitor = Monitor::new("web", SECOND, None, start);
        let reading = monitor.reading();
        let mut expected = FleetLink::new(LinkStatus::Disconnected, SECOND);
        assert_eq!(reading.link(start + SECOND), expected);

        monitor.enter(SyncStatus::Connected, start + SECOND);
        monitor.agree(start + SECOND);
        monitor.count_error(&Fault::new(SyncErrorKind::Foreign, "no record"));
        monitor.count_error(&Fault::new(SyncErrorKind::Unreachable, "gone"));
        monitor.enter(SyncStatus::Degraded, start + 2 * SECOND);
        expected = FleetLink::new(LinkStatus::Connected, SECOND);
        expected.last_agreed = Some(2 * SECOND);
        expected.errors = 2;
        assert_eq!(reading.link(start + 3 * SECOND), expected);

        monitor.enter(SyncStatus::Stopped, start + 3 * SECOND);
        drop(monitor);
        expected.status = LinkStatus::Disconnected;
        expected.last_agreed = Some(3 * SECOND);
        assert_eq!(reading.link(start + 4 * SECOND), expected);
    }
}
