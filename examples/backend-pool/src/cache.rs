//! Redis, and in its place a cache in this process.

use std::time::Duration;

use moka::sync::Cache as InProcess;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, cmd};
use tower_circuit_breaker::{Circuit, Error};

use crate::failed::Failed;
use crate::link::{Link, Trouble};
use crate::{Wrong, settings};

/// Texts by key, for [`KEPT_FOR`].
#[derive(Debug)]
pub(crate) struct Cache {
    client: Client,
    link: Link<MultiplexedConnection>,
    /// What went through here lately. It is served while Redis is away, so it may be older than
    /// what another process has written.
    kept: InProcess<String, String>,
}

impl Cache {
    pub(crate) fn new(circuit: Circuit, limit: Duration) -> Result<Self, Wrong> {
        let client = settings::url("REDIS_URL", "redis://127.0.0.1:6379", |url| Client::open(url))?;
        let kept = InProcess::builder().max_capacity(10_000).time_to_live(KEPT_FOR).build();
        Ok(Self { client, link: Link::new(circuit, limit), kept })
    }

    pub(crate) async fn get(&self, key: &str) -> Result<(Option<String>, &'static str), Failed> {
        match self.ask("GET", cmd("GET").arg(key)).await {
            Ok(found) => {
                if let Some(text) = &found {
                    self.kept.insert(key.to_owned(), String::clone(text));
                }
                Ok((found, REDIS))
            }
            Err(Error::Inner(Trouble::Refused(why))) => Err(Failed::bad_request(why)),
            Err(_) => Ok((self.kept.get(key), IN_PROCESS)),
        }
    }

    /// Keeps a text here, and in Redis if it can be had.
    pub(crate) async fn set(&self, key: &str, text: &str) -> &'static str {
        self.kept.insert(key.to_owned(), text.to_owned());
        let mut set = cmd("SET");
        match self.ask::<()>("SET", set.arg(key).arg(text).arg("EX").arg(KEPT_FOR.as_secs())).await
        {
            Ok(()) => REDIS,
            Err(_) => IN_PROCESS,
        }
    }

    async fn ask<T: FromRedisValue>(&self, what: &str, command: &Cmd) -> Result<T, Error<Trouble>> {
        let connect =
            async { self.client.get_multiplexed_async_connection().await.map_err(trouble) };
        let ask = async |mut connection: MultiplexedConnection| {
            command.query_async(&mut connection).await.map_err(trouble)
        };
        self.link.call(what, connect, ask).await
    }
}

/// Tells a lost connection, or a server that cannot serve, from a command that is wrong.
fn trouble(error: RedisError) -> Trouble {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    let is_down = match error.kind() {
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::AuthenticationFailed => true,
        ErrorKind::Server(kind) => {
            matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain)
        }
        // Names that the client has no kind for: no memory, no disk, a script that does not end.
        _ => matches!(error.code(), Some("OOM" | "MISCONF" | "BUSY" | "NOAUTH")),
    };
    if error.is_timeout() {
        Trouble::TimedOut
    } else if is_down {
        Trouble::Lost(error.to_string())
    } else {
        Trouble::Refused(error.to_string())
    }
}

/// Who answered.
const REDIS: &str = "redis";
const IN_PROCESS: &str = "in-process";
const KEPT_FOR: Duration = Duration::from_secs(300);
