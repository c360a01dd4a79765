//! From the settings to a connection that is good for a fleet.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::types::Type;

use crate::dial::{Dial, address, servers};
use crate::error::Why;
use crate::fault::Fault;
use crate::kind::SyncErrorKind;
use crate::line::Line;
use crate::names::Names;
use crate::statements::{Statements, TABLES};

/// Makes connections.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) config: Config,
    pub(crate) dial: Dial,
    pub(crate) names: Names,
    pub(crate) statements: Statements,
    pub(crate) timeout: Duration,
}

/// A connection, and what was found out about it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) line: Line,
    /// Whether messages arrive.
    pub(crate) is_heard: bool,
}

/// How long a message of its own may take.
const ECHO: Duration = Duration::from_secs(1);

/// The oldest server that has all that statements need.
const OLDEST: i32 = 130_000;

/// So often tables are made that others are making, too.
const ATTEMPTS: usize = 5;

impl Door {
    /// Connects to the first of the servers that will do.
    ///
    /// # Errors
    ///
    /// Why the first one will not, which the others stand in for.
    pub(crate) async fn open(&self) -> Result<Session, Why> {
        let mut first = None;
        for server in servers(&self.config) {
            match self.open_at(&server).await {
                Ok(session) => return Ok(session),
                Err(why) => drop(first.get_or_insert(why)),
            }
        }
        Err(first.unwrap_or_else(|| Why::BadConfig { detail: "it names no host".to_owned() }))
    }

    async fn open_at(&self, server: &Config) -> Result<Session, Why> {
        let address = address(server);
        let failed = |fault: Fault| Why::Failed { fault, address: address.clone() };
        let line = self.dial(server).await.map_err(failed)?;
        self.look(&line, &address).await?;
        let asked = async {
            let fleet: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] =
                [(&self.names.fleet, Type::TEXT)];
            line.ask(&self.statements.join, &fleet).await?;
            line.carry_out(&format!("LISTEN {}", self.names.channel())).await
        };
        self.within("joining the fleet", asked).await.map_err(failed)?;
        let mut session = Session { line, is_heard: false };
        session.is_heard = self.hears(&mut session.line, server).await;
        if !session.is_heard {
            // A pooler may have given the word to a session that is for others now.
            let unlisten = format!("UNLISTEN {}", self.names.channel());
            let _ = timeout(self.timeout, session.line.carry_out(&unlisten)).await;
        }
        Ok(session)
    }

    async fn dial(&self, server: &Config) -> Result<Line, Fault> {
        let dialled =
            async { self.dial.dial(server.clone()).await.map_err(|error| Fault::of(&error)) };
        self.within("connecting", dialled).await.map(Line::new)
    }

    /// Whether this is a server that will do; makes the tables where there are none.
    async fn look(&self, line: &Line, address: &str) -> Result<(), Why> {
        let failed = |fault: Fault| Why::Failed { fault, address: address.to_owned() };
        let tables = TABLES.map(|(_, table)| self.names.table(table));
        let asked = async {
            let rows = line.ask(LOOK, &[(&tables.as_slice() as _, Type::TEXT_ARRAY)]).await?;
            let row = rows.first().ok_or_else(|| Fault::new(SyncErrorKind::Protocol, "no row"))?;
            let found = (row.try_get(0), row.try_get(1), row.try_get(2), row.try_get(3));
            let whole = |error: tokio_postgres::Error| Fault::of(&error);
            Ok((
                found.0.map_err(whole)?,
                found.1.map_err(whole)?,
                found.2.map_err(whole)?,
                found.3.map_err(whole)?,
            ))
        };
        let looked = self.within("looking at the server", asked).await.map_err(failed)?;
        let (version, is_replica, is_read_only, missing): (i32, bool, bool, i64) = looked;
        let address = address.to_owned();
        match (version < OLDEST, is_replica, is_read_only) {
            (true, ..) => return Err(Why::TooOld { version, address }),
            (_, true, _) => return Err(Why::Replica { address }),
            (.., true) => return Err(Why::ReadOnly { address }),
            _ => {}
        }
        if missing > 0 { self.make_tables(line, address).await } else { Ok(()) }
    }

    async fn make_tables(&self, line: &Line, address: String) -> Result<(), Why> {
        for _ in 0..ATTEMPTS {
            let made = self.within("creating tables", self.make(line)).await;
            match made {
                Ok(()) => return Ok(()),
                Err(fault) if fault.kind() == SyncErrorKind::NoPermission => {
                    let said = fault.words().to_owned();
                    return Err(Why::MayNotCreate {
                        said,
                        address,
                        statements: self.for_administrators(),
                    });
                }
                // Another process makes them now: what is there then is enough.
                Err(fault) if MEANWHILE.iter().any(|code| fault.words().contains(code)) => {}
                Err(fault) => return Err(Why::Failed { fault, address }),
            }
        }
        let fault =
            Fault::new(SyncErrorKind::Schema, "others make and drop the tables all the time");
        Err(Why::Failed { fault, address })
    }

    /// Each by itself: whoever may not make a schema may make tables in one that is there.
    async fn make(&self, line: &Line) -> Result<(), Fault> {
        let schema = self.names.plain_schema();
        let rows = line.ask(HAS_SCHEMA, &[(&schema, Type::TEXT)]).await?;
        if rows.is_empty() {
            line.carry_out(&format!("CREATE SCHEMA IF NOT EXISTS {}", self.names.schema())).await?;
        }
        line.carry_out(&self.statements.schema).await
    }

    /// What an administrator is to carry out in place of this role.
    fn for_administrators(&self) -> String {
        let role =
            self.config.get_user().map_or_else(|| "the_role".to_owned(), crate::names::quoted);
        let schema = self.names.schema();
        let tables = TABLES.map(|(_, table)| self.names.table(table)).join(", ");
        format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};\n{}\n\
             GRANT USAGE ON SCHEMA {schema} TO {role};\n\
             GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role};",
            self.statements.schema.trim(),
        )
    }

    /// Whether a message arrives. Another connection sends it: over the same one a pooler would bring it
    /// with the answer, and no other.
    async fn hears(&self, line: &mut Line, server: &Config) -> bool {
        let word = format!("echo {:032x}", fastrand::u128(..));
        let echo = async {
            let other = self.dial(server).await.ok()?;
            let channel = self.names.channel();
            let given: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
                [(&channel, Type::TEXT), (&word, Type::TEXT)];
            other.ask("SELECT pg_notify($1, $2)", &given).await.ok()?;
            while line.hear().await? != word {}
            Some(())
        };
        timeout(ECHO, echo).await.is_ok_and(|heard| heard.is_some())
    }

    async fn within<T>(
        &self,
        doing: &str,
        what: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        match timeout(self.timeout, what).await {
            Ok(done) => done.map_err(|fault| fault.while_doing(doing)),
            Err(_) => Err(timed_out(self.timeout).while_doing(doing)),
        }
    }
}

/// That nothing was answered in time.
pub(crate) fn timed_out(limit: Duration) -> Fault {
    Fault::new(SyncErrorKind::TimedOut, &format!("no answer within {limit:?}"))
}

/// The version, whether it is a replica, whether nothing can be written, how many tables are missing.
const LOOK: &str = "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), \
     current_setting('transaction_read_only')::bool, \
     (SELECT count(*) FROM unnest($1) AS t WHERE to_regclass(t) IS NULL)";

const HAS_SCHEMA: &str = "SELECT 1 FROM pg_namespace WHERE nspname = $1";

/// Codes of what is there by now, or is being made: a unique row of the catalogue, a table, a type, a
/// schema.
const MEANWHILE: [&str; 4] = ["23505 ", "42P07 ", "42710 ", "42P06 "];
