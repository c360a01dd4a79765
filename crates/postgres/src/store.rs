//! The fleet's store: a connection that is made again when it is lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, timeout};
use tokio_postgres::types::Type;
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request};
use tower_circuit_breaker_fleet::store::{Change, Gone, Refused, Store};
use tower_circuit_breaker_fleet::terms::Terms;

use crate::door::{Door, Session, timed_out};
use crate::exchange::{Answer, Exchange, written};
use crate::fault::Fault;
use crate::health::{Monitor, SyncStatus};
use crate::kind::SyncErrorKind;
use crate::message::Message;

/// One process's way to the tables.
#[derive(Debug)]
pub(crate) struct PostgresStore {
    door: Door,
    session: Option<Session>,
    monitor: Arc<Monitor>,
    next_attempt: Instant,
    /// How often in a row the database has refused this process.
    refusals: u32,
    /// Whether it is to be said that changes may be missing.
    has_missed: bool,
    /// The circuits that have a row, as far as is known.
    rows: HashSet<Arc<str>>,
    next_sweep: Instant,
    random: Rng,
    /// Until when a refusal is believed, though all was read.
    refused_until: Instant,
}

/// The shortest time between two attempts to connect; up to as much again is drawn at random.
const ATTEMPT: Duration = Duration::from_secs(1);
/// So many refusals are as short as the first: a promotion takes as long.
const QUICK: u32 = 8;
/// Doublings of the pause after these.
const DOUBLINGS: u32 = 5;
/// What nobody needs any longer is deleted so often.
const SWEEP: Duration = Duration::from_secs(3600);
/// How many rows are remembered.
const ROWS: usize = 4096;
/// So long a refusal is believed: what was refused may not be asked again for a while.
const REFUSED: Duration = Duration::from_secs(12);

impl PostgresStore {
    /// Over `session`, or over one that is made as soon as something is asked.
    pub(crate) fn new(door: Door, session: Option<Session>, monitor: Arc<Monitor>) -> Self {
        let now = Instant::now();
        let mut random = Rng::new();
        let first_sweep = SWEEP.mul_f64(random.f64());
        let store = Self {
            door,
            session: None,
            monitor,
            next_attempt: now,
            refusals: 0,
            has_missed: false,
            rows: HashSet::new(),
            next_sweep: now + first_sweep,
            random,
            refused_until: now,
        };
        match session {
            Some(session) => store.with(session),
            None => store,
        }
    }

    fn with(mut self, session: Session) -> Self {
        self.connected(session);
        self
    }

    fn connected(&mut self, session: Session) {
        let now = Instant::now();
        self.monitor.count_connection(session.is_heard, now);
        if !session.is_heard {
            self.monitor.count_error(&Fault::new(
                SyncErrorKind::Unheard,
                "a message to this process itself has not come within a second",
            ));
        }
        self.monitor.enter(SyncStatus::Connected, now);
        self.session = Some(session);
        self.refused_until = now;
        self.rows.clear();
        // What was told before somebody listened is read.
        self.has_missed = true;
    }

    /// Connects, if there is no connection and it is time for another attempt.
    async fn connect(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        if self.session.is_some() {
            return Ok(());
        }
        if now < self.next_attempt {
            return Err(self.gone());
        }
        self.put_off(ATTEMPT);
        match self.door.open().await {
            Ok(session) => {
                self.refusals = 0;
                self.connected(session);
                Ok(())
            }
            Err(why) => {
                self.monitor.count_error(&why.fault());
                self.monitor.enter(SyncStatus::Disconnected, Instant::now());
                if why.is_refusal() {
                    self.refusals = self.refusals.saturating_add(1);
                    let doublings = self.refusals.saturating_sub(QUICK).min(DOUBLINGS);
                    self.put_off(ATTEMPT * 2_u32.pow(doublings));
                }
                Err(self.gone())
            }
        }
    }

    /// No attempt for so long, and not all processes together after it.
    fn put_off(&mut self, time: Duration) {
        let soonest = Instant::now() + time.mul_f64(1.0 + self.random.f64());
        self.next_attempt = self.next_attempt.max(soonest);
    }

    fn gone(&self) -> Gone {
        let last = self.monitor.last_error();
        Gone::new(last.map_or_else(|| "there is no connection".to_owned(), |last| last.to_string()))
    }

    /// The connection is of no more use.
    fn lose(&mut self, fault: &Fault) {
        self.session = None;
        self.has_missed = true;
        self.monitor.count_error(fault);
        self.monitor.enter(SyncStatus::Disconnected, Instant::now());
        let share = ATTEMPT.mul_f64(self.random.f64());
        self.next_attempt = self.next_attempt.max(Instant::now() + share);
    }

    /// Asks over the connection, and makes rows that are not there yet.
    async fn exchange(&mut self, terms: &Terms, batch: &[Request]) -> Result<Vec<Answer>, Fault> {
        let Some(session) = &self.session else {
            return Err(Fault::new(SyncErrorKind::Unreachable, "there is no connection"));
        };
        let Door { statements, names, .. } = &self.door;
        let exchange = Exchange { line: &session.line, statements, names, terms };
        let mut missing: Vec<&str> = batch.iter().flat_map(written).collect();
        missing.retain(|circuit| !self.rows.contains(*circuit));
        missing.sort_unstable();
        missing.dedup();
        let is_due = Instant::now() >= self.next_sweep;
        let asked = async {
            let rows = async {
                if missing.is_empty() { Ok(()) } else { exchange.make_rows(&missing).await }
            };
            let sweep = async {
                if is_due {
                    let fleet = [(&names.fleet as _, Type::TEXT)];
                    session.line.ask(&statements.sweep, &fleet).await.map(drop)
                } else {
                    Ok(())
                }
            };
            // In this order: each is sent when it is first polled.
            tokio::join!(biased; rows, exchange.ask(batch), sweep)
        };
        let limit = self.door.timeout;
        let (made, answers, swept) = timeout(limit, asked).await.map_err(|_| timed_out(limit))?;
        let faults = [&made, &swept].into_iter().filter_map(|done| done.as_ref().err());
        let faults = faults.chain(answers.iter().filter_map(|answer| answer.as_ref().err()));
        if let Some(end) = faults.into_iter().find(|fault| fault.kind().ends_connection()) {
            return Err(end.clone());
        }
        if is_due {
            self.next_sweep = Instant::now() + SWEEP;
        }
        if self.rows.len() > ROWS {
            self.rows.clear();
        }
        if made.is_ok() {
            self.rows.extend(missing.into_iter().map(Arc::from));
        }
        if answers.iter().any(Result::is_err) {
            // One may be gone.
            self.rows.clear();
        }
        Ok(answers)
    }

    /// What was refused counts, and is told.
    fn note(&mut self, batch: &[Request], answers: &[Answer]) {
        let now = Instant::now();
        let mut faults = answers.iter().filter_map(|answer| answer.as_ref().err()).peekable();
        let is_refused = faults.peek().is_some();
        let is_read_only = answers.iter().any(is_read_only);
        faults.for_each(|fault| self.monitor.count_error(fault));
        let is_poll = batch.iter().any(|request| matches!(request.ask, Ask::Changes { .. }));
        if is_refused {
            self.refused_until = now + REFUSED;
            self.monitor.enter(SyncStatus::Degraded, now);
        } else if is_poll && now >= self.refused_until {
            self.monitor.enter(SyncStatus::Connected, now);
        }
        if is_read_only {
            // Another server may be the one to write to by now: a new connection finds it.
            self.session = None;
            self.has_missed = true;
            self.put_off(ATTEMPT.mul_f64(0.5));
        }
    }

    /// What `payload` says, if it is a message of the fleet.
    fn told(&self, payload: &str) -> Option<Change> {
        let understood = self.session.as_ref().and_then(|session| session.line.understand(payload));
        match understood {
            Some(Message::Circuit(word, circuit)) => Some(Change::Circuit(word, circuit)),
            Some(Message::Something) => Some(Change::Missed),
            None if payload.starts_with("echo ") => None,
            None => {
                // What has changed is found by the next poll, whoever has forged this.
                let what = "it was not made where the tables can be read";
                let fault = Fault::new(SyncErrorKind::Foreign, what);
                self.monitor.count_error(&fault.while_doing("a message"));
                None
            }
        }
    }
}

impl Store for PostgresStore {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        self.connect().await?;
        match self.exchange(terms, batch).await {
            Ok(answers) => {
                self.note(batch, &answers);
                let refused = |fault: Fault| Refused::new(fault.to_string());
                Ok(answers.into_iter().map(|answer| answer.map_err(refused)).collect())
            }
            Err(fault) => {
                self.lose(&fault);
                Err(self.gone())
            }
        }
    }

    async fn changed(&mut self) -> Change {
        loop {
            if std::mem::take(&mut self.has_missed) {
                return Change::Missed;
            }
            let Some(session) = &mut self.session else {
                // There is one again after something was asked.
                return std::future::pending().await;
            };
            if session.line.has_missed() {
                self.monitor.count_lagged();
                return Change::Missed;
            }
            match session.line.hear().await {
                Some(payload) => {
                    if let Some(change) = self.told(&payload) {
                        return change;
                    }
                }
                None => {
                    let end = session.line.end();
                    self.lose(&end);
                }
            }
        }
    }

    fn agreed(&mut self) {
        self.monitor.agree(Instant::now());
    }
}

/// The task has ended, with the runtime or with the last handle.
impl Drop for PostgresStore {
    // Cannot panic: what a user's listener does is caught.
    fn drop(&mut self) {
        self.monitor.enter(SyncStatus::Stopped, Instant::now());
    }
}

fn is_read_only(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(|fault| fault.kind() == SyncErrorKind::ReadOnly)
}
