//! The cache that all processes share, and the lock by which one of them asks for all.
//!
//! Check the cache, take the lock, check again, call, keep, release. Redis has a circuit of its
//! own: while it is down, each process asks for itself, and none waits for it.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, cmd};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tower_circuit_breaker::{BoxError, Circuit, CircuitRegistry};
use tracing::info;

use crate::figures::Figures;
use crate::settings::{flag, seconds_of};
use crate::upstream::{Answer, Plants};

/// What this process has in common with others.
#[derive(Clone)]
pub(crate) struct Fleet {
    circuit: Circuit,
    redis: ConnectionManager,
    /// How long one waits for another process that asks the same.
    wait: Duration,
    /// How long that one may be silent.
    expiry: Duration,
    /// Whether one waits at all, and whether a lock is renewed while its holder is at work.
    is_blocking: bool,
    is_renewed: bool,
    figures: Arc<Figures>,
    /// What this process writes on its locks; of its own calls for one key there is one at a time.
    token: u64,
}

impl Fleet {
    /// Connects when it is first needed.
    pub(crate) fn new(
        url: &str,
        registry: &CircuitRegistry,
        figures: Arc<Figures>,
    ) -> Result<Self, BoxError> {
        // Its own limits are half a second for a reply, and one for a connection.
        let config = ConnectionManagerConfig::new().set_number_of_retries(1);
        // Without the URL, which may hold a password.
        let wrong = |error| format!("--redis must be like redis://127.0.0.1:6379: {error}");
        let client = Client::open(url).map_err(wrong)?;
        let circuit = Circuit::builder("redis").consecutive_failures(3).open_for(PAUSE).build();
        registry.insert(&circuit)?;
        Ok(Self {
            circuit,
            redis: client.get_connection_manager_lazy(config)?,
            wait: seconds_of(["CACHE_LOCK_TIMEOUT", "CACHE_LOCK_WAIT"], 10.0)?,
            expiry: seconds_of(["CACHE_LOCK_EXPIRE", "CACHE_LOCK_EXPIRY"], 30.0)?,
            is_blocking: flag("CACHE_LOCK_BLOCKING", true)?,
            is_renewed: flag("CACHE_LOCK_AUTO_RENEWAL", true)?,
            figures,
            token: fastrand::u64(..),
        })
    }

    /// The answer under `key`, or else that of `call`, of which there is one in the whole fleet; it
    /// is kept for so many seconds. The log names the `image`.
    pub(crate) async fn get_or<F>(&self, key: &str, image: &str, keep_for: u64, call: F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let [key, lock] = ["answer", "lock"].map(|of| format!("plant-gateway:{of}:{key}"));
        if let Some(found) = self.find(&key).await {
            self.figures.hits.add();
            info!("[CACHE] HIT for image {image}... of another process");
            return Ok(found);
        }
        let taken = Notify::new();
        let call = async {
            // Better ask twice than not at all.
            let _ = timeout(self.wait, taken.notified()).await;
            if let Some(found) = self.find(&key).await {
                self.figures.saved.add();
                info!("[LOCK] Cache populated by another process for image {image}...");
                return Ok(found);
            }
            let plants = call.await?;
            let text = serde_json::to_string(&plants).unwrap_or_default();
            let _: Option<()> = self.ask(&Cmd::set_ex(&key, text, keep_for)).await;
            Ok(plants)
        };
        let answer = tokio::select! {
            answer = call => answer,
            never = self.guard(&lock, &taken) => match never {},
        };
        // Lets it go, at once or almost.
        self.hold(&lock, Duration::ZERO).await;
        answer
    }

    /// Counts one under `key`, which is kept until `end`.
    pub(crate) async fn count(&self, key: &str, end: Timestamp) {
        let counted: Option<u64> = self.ask(&Cmd::incr(key, 1)).await;
        if counted == Some(1) {
            let _: Option<()> = self.ask(&Cmd::expire_at(key, end.as_second())).await;
        }
    }

    /// What is counted there; `None` when Redis does not say it.
    pub(crate) async fn counted(&self, key: &str) -> Option<u64> {
        let counted: Option<u64> = self.ask(&Cmd::get(key)).await?;
        Some(counted.unwrap_or_default())
    }

    async fn find(&self, key: &str) -> Option<Plants> {
        let found: Option<String> = self.ask(&Cmd::get(key)).await?;
        serde_json::from_str(&found?).ok()
    }

    /// Takes the lock when it can, and keeps it for as long as this is polled: when its holder dies
    /// it runs out. A Redis that is down keeps nobody waiting.
    async fn guard(&self, lock: &str, taken: &Notify) -> Infallible {
        loop {
            while self.hold(lock, self.expiry).await == Some(false) {
                if !self.is_blocking {
                    taken.notify_one();
                    return pending().await;
                }
                sleep(BETWEEN_TRIES).await;
            }
            taken.notify_one();
            if !self.is_renewed {
                return pending().await;
            }
            sleep(self.expiry / 3).await;
        }
    }

    /// Has the lock for so long from now on, unless another process has it.
    async fn hold(&self, lock: &str, time: Duration) -> Option<bool> {
        let mut hold = cmd("EVAL");
        self.ask(hold.arg(HOLD).arg(1).arg(lock).arg(self.token).arg(millis(time))).await
    }

    /// The reply to `command`; `None` when Redis failed or is left alone, which its circuit shows.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut redis = self.redis.clone();
        self.circuit.call(command.query_async(&mut redis)).await.ok()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

const HOLD: &str = "
    local holder = redis.call('GET', KEYS[1])
    if holder and holder ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1";
/// How long a Redis that is down is left alone.
const PAUSE: Duration = Duration::from_secs(5);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
