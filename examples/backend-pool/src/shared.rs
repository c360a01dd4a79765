//! Circuits that several processes share.

use std::time::Duration;

use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_postgres::PostgresSync;
use tower_circuit_breaker_redis::RedisSync;

use crate::Wrong;

/// Where processes agree, by its URL.
pub(crate) enum Place {
    Redis(String),
    Postgres(String),
}

/// What keeps this process among the others, as long as it is held.
#[must_use = "the link ends when it is dropped"]
pub(crate) enum Link {
    Redis(#[expect(dead_code, reason = "held")] RedisSync),
    Postgres(#[expect(dead_code, reason = "held")] PostgresSync),
}

/// Makes the circuits of `registry` those of all processes. It waits for what they know, but not for a
/// place that is away. One process has seen enough: a backend fails all of them alike.
pub(crate) async fn share(place: &Place, registry: &CircuitRegistry) -> Result<Link, Wrong> {
    match place {
        Place::Redis(url) => {
            let link = RedisSync::builder(url).prefix("backend-pool");
            let link = link.any_node().local_until_connected().connect(registry).await;
            // Without the URL, which may hold a password.
            let link = link
                .map_err(|error| format!("CIRCUIT_BREAKER_REDIS_URL, or else --redis: {error}"))?;
            link.ready_within(PATIENCE).await;
            Ok(Link::Redis(link))
        }
        Place::Postgres(url) => {
            let link = PostgresSync::builder(url).prefix("backend-pool");
            let link = link.any_node().local_until_connected().connect(registry).await;
            let link =
                link.map_err(|error| format!("--postgres, or else DATABASE_URL: {error}"))?;
            link.ready_within(PATIENCE).await;
            Ok(Link::Postgres(link))
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
