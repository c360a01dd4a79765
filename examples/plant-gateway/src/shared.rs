//! Circuits that several processes share through Redis, and what stands there for `redis-cli`.

use std::time::{Duration, SystemTime};

use desk::failures_in_a_row;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, cmd};
use tokio::time::timeout;
use tower_circuit_breaker::CircuitEvent::StateChanged;
use tower_circuit_breaker::CircuitState::{Closed, Open};
use tower_circuit_breaker::{
    BoxError, ChangeReason, Circuit, CircuitRegistry, CircuitSnapshot, Delivery,
};
use tower_circuit_breaker_redis::RedisSync;

/// Makes the circuits of `registry` those of all processes, for as long as the link is held. It waits
/// for what they know, but not for a Redis that is away.
pub(crate) async fn share(url: &str, registry: &CircuitRegistry) -> Result<RedisSync, BoxError> {
    let link = RedisSync::builder(url).prefix("plant-gateway");
    // One process has seen enough: an upstream fails all of them alike.
    let link = link.any_node().local_until_connected().connect(registry).await;
    // Without the URL, which may hold a password.
    let link =
        link.map_err(|error| format!("CIRCUIT_BREAKER_REDIS_URL, or else --redis: {error}"))?;
    link.ready_within(Duration::from_secs(2)).await;
    Ok(link)
}

/// Writes what becomes of `circuit` to the hash `circuit:<name>`, each second and at each change.
pub(crate) fn show(circuit: Circuit, url: &str) -> RedisResult<()> {
    let config = ConnectionManagerConfig::new().set_number_of_retries(1);
    let redis = Client::open(url)?.get_connection_manager_lazy(config)?;
    tokio::spawn(follow(circuit, redis));
    Ok(())
}

async fn follow(circuit: Circuit, mut redis: ConnectionManager) {
    let (mut changes, mut entry) = (circuit.subscribe(), Entry::default());
    loop {
        match timeout(EACH, changes.next()).await {
            Ok(Some(Delivery::Event(StateChanged { from, to, reason, down_for, .. }))) => {
                // What others have found is theirs to count.
                let is_own = reason != ChangeReason::Fleet;
                entry.opened += u64::from(is_own && (from, to) == (Closed, Open));
                if let Some(down_for) = down_for.filter(|_| is_own) {
                    entry.recovered.push(down_for.as_secs_f64());
                }
            }
            Ok(None) => return,
            Ok(Some(_)) | Err(_) => {}
        }
        let snapshot = circuit.snapshot();
        // Redis may be away: it is written with the next.
        if entry.differs(&snapshot) && entry.write(&snapshot, &mut redis).await.is_ok() {
            entry = Entry::of(&snapshot);
        }
    }
}

/// What was written last, and what has happened since.
#[derive(Default)]
struct Entry {
    state: Option<&'static str>,
    run: u64,
    failures: u64,
    opened: u64,
    recovered: Vec<f64>,
}

impl Entry {
    fn of(circuit: &CircuitSnapshot) -> Self {
        let (state, run) = (Some(circuit.state.as_str()), failures_in_a_row(circuit));
        Self { state, run, failures: circuit.totals.failures, ..Self::default() }
    }

    fn differs(&self, circuit: &CircuitSnapshot) -> bool {
        let Self { state, run, failures, .. } = Self::of(circuit);
        (state, run, failures) != (self.state, self.run, self.failures)
            || self.opened > 0
            || !self.recovered.is_empty()
    }

    async fn write(&self, of: &CircuitSnapshot, redis: &mut ConnectionManager) -> RedisResult<()> {
        let last_failure = of.last_failure.as_ref().map(|last| at(last.ago)).unwrap_or_default();
        let mut write = cmd("EVAL");
        write.arg(WRITE).arg(1).arg(format!("circuit:{}", of.name));
        write.arg(of.state.as_str()).arg(failures_in_a_row(of)).arg(last_failure);
        write.arg(of.totals.failures - self.failures).arg(self.opened);
        write.arg(self.recovered.len()).arg(self.recovered.iter().sum::<f64>());
        write.query_async(redis).await
    }
}

/// When that was, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "for people, who have a calendar")]
fn at(ago: Duration) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.saturating_sub(ago).as_secs().to_string()
}

/// Counts are those of all processes; what is now is what the last one has seen.
const WRITE: &str = "
    local key = KEYS[1]
    redis.call('HSET', key, 'state', ARGV[1], 'fail_count', ARGV[2])
    if ARGV[3] ~= '' then redis.call('HSET', key, 'last_failure', ARGV[3]) end
    redis.call('HINCRBY', key, 'total_failures', ARGV[4])
    redis.call('HINCRBY', key, 'open_count', ARGV[5])
    local recoveries = redis.call('HINCRBY', key, 'recoveries', ARGV[6])
    local time = redis.call('HINCRBYFLOAT', key, 'recovery_time', ARGV[7])
    if recoveries > 0 then
        redis.call('HSET', key, 'avg_recovery_time', string.format('%.1f', time / recoveries))
    end";
const EACH: Duration = Duration::from_secs(1);
