//! One connection: what is asked over it, and what is heard.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row};
use tower_circuit_breaker_fleet::lock::lock;

use crate::dial::{Cancel, Dialled};
use crate::fault::Fault;
use crate::kind::SyncErrorKind;
use crate::message::{self, Message};

/// A connection, and the task that reads it, which ends with it.
pub(crate) struct Line {
    client: Client,
    messages: mpsc::Receiver<String>,
    seen: Arc<Seen>,
    /// What messages are known by; empty until it was read.
    secret: Mutex<String>,
    reader: AbortHandle,
    /// Whether nobody waits any longer for an answer that has not come.
    is_given_up: AtomicBool,
    cancel: Option<Cancel>,
}

/// A statement that has not been answered.
struct Asking<'a> {
    line: &'a Line,
    is_answered: bool,
}

/// How long it may take to end a statement, of which nothing is heard.
const CANCEL: Duration = Duration::from_secs(5);

/// What the reader has seen besides messages.
#[derive(Debug, Default)]
struct Seen {
    /// Some found no room.
    has_missed: AtomicBool,
    /// Why the connection has ended.
    end: Mutex<Option<Fault>>,
}

/// A parameter of a statement, and its type.
pub(crate) type Given<'a> = (&'a (dyn ToSql + Sync), Type);

/// How many messages wait; beyond that all is read again.
const MOST: usize = 1024;

/// No message of a fleet is longer.
const LONGEST: usize = 1024;

impl Line {
    /// Reads what comes over it from now on, on the present runtime.
    pub(crate) fn new(dialled: Dialled) -> Self {
        let (put, messages) = mpsc::channel(MOST);
        let seen = Arc::new(Seen::default());
        let reading = read(dialled.messages, put, Arc::clone(&seen));
        let reader = tokio::spawn(reading).abort_handle();
        let cancel = Some(dialled.cancel);
        Self {
            client: dialled.client,
            messages,
            seen,
            secret: Mutex::default(),
            reader,
            is_given_up: AtomicBool::new(false),
            cancel,
        }
    }

    /// Carries one statement out, unnamed: no session needs to know it. It is sent when this is first
    /// polled.
    ///
    /// # Errors
    ///
    /// What the server or the system says.
    pub(crate) async fn ask(
        &self,
        statement: &str,
        given: &[Given<'_>],
    ) -> Result<Vec<Row>, Fault> {
        let asking = Asking::of(self);
        let asked = self.client.query_typed(statement, given).await;
        asking.end();
        asked.map_err(|error| self.fault(&error))
    }

    /// Carries out statements that take and give nothing.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub(crate) async fn carry_out(&self, statements: &str) -> Result<(), Fault> {
        let asking = Asking::of(self);
        let done = self.client.batch_execute(statements).await;
        asking.end();
        done.map_err(|error| self.fault(&error))
    }

    /// The next message; `None` once the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub(crate) async fn hear(&mut self) -> Option<String> {
        self.messages.recv().await
    }

    /// Whether messages were lost since this was asked last, since they came faster than they were read.
    pub(crate) fn has_missed(&self) -> bool {
        // Relaxed: it stands for itself; what was missed is read from the tables.
        self.seen.has_missed.swap(false, Ordering::Relaxed)
    }

    /// Messages are known by this from now on.
    pub(crate) fn learn_secret(&self, secret: String) {
        *lock(&self.secret) = secret;
    }

    /// What `payload` says, if it is a message of the fleet.
    pub(crate) fn understand(&self, payload: &str) -> Option<Message> {
        let secret = lock(&self.secret);
        // Before it is known nothing is.
        if secret.is_empty() { None } else { message::read(payload, &secret) }
    }

    /// Why the connection has ended.
    pub(crate) fn end(&self) -> Fault {
        let end = lock(&self.seen.end).clone();
        let hung_up = || Fault::new(SyncErrorKind::Unreachable, "the connection was closed");
        end.unwrap_or_else(hung_up)
    }

    /// What the server has said last tells more than that nothing can be sent any longer.
    fn fault(&self, error: &tokio_postgres::Error) -> Fault {
        if error.is_closed() { self.end() } else { Fault::of(error) }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

impl<'a> Asking<'a> {
    const fn of(line: &'a Line) -> Self {
        Self { line, is_answered: false }
    }

    fn end(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Asking<'_> {
    // Cannot panic: it sets a flag.
    fn drop(&mut self) {
        if !self.is_answered {
            // Relaxed: it is read by whoever owns the line alone, and drops it.
            self.line.is_given_up.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Line {
    // Cannot panic: it tells tasks to end and to begin, and the latter only where there is a runtime.
    fn drop(&mut self) {
        self.reader.abort();
        let runtime = tokio::runtime::Handle::try_current();
        let cancel = self.cancel.take().filter(|_| *self.is_given_up.get_mut());
        if let (Ok(runtime), Some(cancel)) = (runtime, cancel) {
            // A server that waits for a lock does not notice that nobody waits for it: each attempt would
            // leave a session behind. Where it hangs nobody waits for this, either.
            runtime.spawn(timeout(CANCEL, cancel()));
        }
    }
}

async fn read(
    mut messages: impl StreamExt<Item = Result<AsyncMessage, tokio_postgres::Error>> + Unpin,
    put: mpsc::Sender<String>,
    seen: Arc<Seen>,
) {
    while let Some(message) = messages.next().await {
        match message {
            Ok(AsyncMessage::Notification(told)) => {
                let is_put = told.payload().len() <= LONGEST
                    && put.try_send(told.payload().to_owned()).is_ok();
                if !is_put {
                    // Relaxed: as in `has_missed`.
                    seen.has_missed.store(true, Ordering::Relaxed);
                }
            }
            Ok(_) => {}
            Err(error) => {
                *lock(&seen.end) = Some(Fault::of(&error));
                return;
            }
        }
    }
}
