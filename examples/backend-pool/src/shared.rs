//! Circuits that several processes share.

use std::time::Duration;

use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_redis::RedisSync;

use crate::Wrong;

/// Makes the circuits of `registry` those of all processes, for as long as the link is held. It waits
/// for what they know, but not for a Redis that is away.
pub(crate) async fn share(url: &str, registry: &CircuitRegistry) -> Result<RedisSync, Wrong> {
    let link = RedisSync::builder(url).prefix("backend-pool");
    // One process has seen enough: a backend fails all of them alike.
    let link = link.any_node().local_until_connected().connect(registry).await;
    // Without the URL, which may hold a password.
    let link =
        link.map_err(|error| format!("CIRCUIT_BREAKER_REDIS_URL, or else --redis: {error}"))?;
    link.ready_within(Duration::from_secs(2)).await;
    Ok(link)
}
