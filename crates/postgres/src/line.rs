//! One connection: what is asked over it, and what is heard.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row};
use tower_circuit_breaker_fleet::lock::lock;

use crate::dial::Dialled;
use crate::fault::Fault;
use crate::kind::SyncErrorKind;
use crate::message::{self, Message};

/// A connection, and the task that reads it, which ends with it.
#[derive(Debug)]
pub(crate) struct Line {
    client: Client,
    messages: mpsc::Receiver<String>,
    seen: Arc<Seen>,
    /// What messages are known by; empty until it was read.
    secret: Mutex<String>,
    reader: AbortHandle,
}

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
        Self { client: dialled.client, messages, seen, secret: Mutex::default(), reader }
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
        self.client.query_typed(statement, given).await.map_err(|error| self.fault(&error))
    }

    /// Carries out statements that take and give nothing.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub(crate) async fn carry_out(&self, statements: &str) -> Result<(), Fault> {
        self.client.batch_execute(statements).await.map_err(|error| self.fault(&error))
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

impl Drop for Line {
    fn drop(&mut self) {
        self.reader.abort();
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
