//! Rows of `PostgreSQL`, and in its place the last ones seen.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde::Serialize;
use tokio_postgres::{Client, Config, NoTls};
use tower_circuit_breaker::{Circuit, Error};

use crate::failed::Failed;
use crate::link::{Link, Trouble};
use crate::{Wrong, settings};

/// The table `users (id int PRIMARY KEY, name text NOT NULL)`.
#[derive(Debug)]
pub(crate) struct Users {
    config: Config,
    link: Link<Arc<Client>>,
    last_known: Cache<String, User>,
}

/// A row; a stale one may have changed since it was read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct User {
    id: i32,
    name: String,
    stale: bool,
}

impl Users {
    pub(crate) fn new(circuit: Circuit, limit: Duration) -> Result<Self, Wrong> {
        let default = "postgres://postgres@127.0.0.1/postgres";
        let config = settings::url("DATABASE_URL", default, str::parse::<Config>)?;
        Ok(Self { config, link: Link::new(circuit, limit), last_known: Cache::new(10_000) })
    }

    /// The user of this id, `None` if there is none. That the id is a number is for the database to
    /// say: a question that it refuses is no failure of it.
    pub(crate) async fn get(&self, id: &str) -> Result<Option<User>, Failed> {
        match self.link.call("SELECT", self.connect(), async |client| read(&client, id).await).await
        {
            Ok(found) => {
                if let Some(user) = &found {
                    self.last_known.insert(id.to_owned(), User { stale: true, ..user.clone() });
                }
                Ok(found)
            }
            Err(Error::Inner(Trouble::Refused(why))) => Err(Failed::bad_request(why)),
            Err(error) => self.last_known.get(id).map(Some).ok_or_else(|| error.into()),
        }
    }

    async fn connect(&self) -> Result<Arc<Client>, Trouble> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(trouble)?;
        // It ends with the client, or when the server goes; calls then hear of it.
        tokio::spawn(connection);
        Ok(Arc::new(client))
    }
}

async fn read(client: &Client, id: &str) -> Result<Option<User>, Trouble> {
    let sql = "SELECT id, name FROM users WHERE id = $1::text::int";
    let row = client.query_opt(sql, &[&id]).await.map_err(trouble)?;
    Ok(row.map(|row| User { id: row.get(0), name: row.get(1), stale: false }))
}

/// Tells a lost connection, or a server that cannot serve, from a query that is wrong.
fn trouble(error: tokio_postgres::Error) -> Trouble {
    let is_down = match error.code() {
        // Connection, resources, operator (stopping, starting), system, internal.
        Some(state) => matches!(&state.code()[..2], "08" | "53" | "57" | "58" | "XX"),
        None => error.is_closed() || error.source().is_some_and(|source| source.is::<io::Error>()),
    };
    let why = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    if is_down { Trouble::Lost(why) } else { Trouble::Refused(why) }
}
