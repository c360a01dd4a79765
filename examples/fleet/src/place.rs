//! Where the gateways agree: a Redis, or a PostgreSQL.

use std::time::Duration;

use tower::BoxError;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_postgres::PostgresSync;
use tower_circuit_breaker_redis::RedisSync;

use crate::cli::Args;
use crate::gateway::{VOTE_WINDOW, tell};

/// Which, and its URL.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Redis(&'a str),
    Postgres(&'a str),
}

/// What keeps a gateway in its fleet.
#[must_use = "the link ends when it is dropped"]
pub(crate) enum Link {
    Redis(RedisSync),
    Postgres(PostgresSync),
}

impl<'a> Place<'a> {
    /// The one that the command line names, if it names one.
    pub(crate) fn named(args: &'a Args) -> Option<Self> {
        let redis = args.redis.as_deref().map(Self::Redis);
        redis.or_else(|| args.postgres.as_deref().map(Self::Postgres))
    }

    /// What names it on the command line of a gateway.
    pub(crate) fn arguments(self) -> [&'a str; 2] {
        match self {
            Self::Redis(url) => ["--redis", url],
            Self::Postgres(url) => ["--postgres", url],
        }
    }

    /// Joins the fleet there: the two links are set and used alike.
    pub(crate) async fn join(
        self,
        name: &str,
        registry: &CircuitRegistry,
    ) -> Result<Link, BoxError> {
        Ok(match self {
            Self::Redis(url) => Link::Redis(
                RedisSync::builder(url)
                    .prefix("fleet-example")
                    .node(name)
                    .quorum(2)
                    .vote_window(VOTE_WINDOW)
                    .on_health(|health| tell(&format!("store {}", health.status)))
                    .connect(registry)
                    .await?,
            ),
            Self::Postgres(url) => Link::Postgres(
                PostgresSync::builder(url)
                    .prefix("fleet-example")
                    .node(name)
                    .quorum(2)
                    .vote_window(VOTE_WINDOW)
                    .on_health(|health| tell(&format!("store {}", health.status)))
                    .connect(registry)
                    .await?,
            ),
        })
    }
}

impl Link {
    /// Waits until all has been read, but not for ever; gives whether it has.
    pub(crate) async fn ready_within(&self, time: Duration) -> bool {
        match self {
            Self::Redis(sync) => sync.ready_within(time).await,
            Self::Postgres(sync) => sync.ready_within(time).await,
        }
    }
}
