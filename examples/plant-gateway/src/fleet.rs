//! The cache that all processes share, and the lock by which one of them asks for all.
//!
//! Check the cache, take the lock, check again, call, keep, release. Redis has a circuit of its own:
//! while it is down, each process asks for itself, and none waits for it.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, RedisResult, cmd};
use tokio::time::{sleep, timeout};
use tower_circuit_breaker::Circuit;

use crate::answer::Candidates;
use crate::settings::LockTimes;
use crate::upstream::Failure;

/// What this process has in common with others.
#[derive(Clone)]
pub(crate) struct Fleet {
    redis: ConnectionManager,
    circuit: Circuit,
    times: LockTimes,
}

/// A lock that is ours, for as long as Redis says so.
struct Lock {
    name: String,
    token: String,
}

impl Fleet {
    /// Connects when it is first needed.
    pub(crate) fn new(url: &str, circuit: Circuit, times: LockTimes) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let redis = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        Ok(Self { redis, circuit, times })
    }

    /// The answer under `key`, or else that of `flight`, of which there is one in the whole fleet.
    pub(crate) async fn get_or(
        &self,
        key: &str,
        keep_for: Duration,
        flight: impl Future<Output = Result<Candidates, Failure>> + Send,
    ) -> Result<Candidates, Failure> {
        if let Some(found) = self.find(key).await {
            return Ok(found);
        }
        let lock = self.lock(key).await;
        if let Some(found) = self.find(key).await {
            self.release(lock).await;
            return Ok(found);
        }
        let result = tokio::select! {
            result = flight => result,
            never = self.renew(lock.as_ref()) => match never {},
        };
        if let Ok(candidates) = &result {
            self.keep(key, keep_for, candidates).await;
        }
        self.release(lock).await;
        result
    }

    async fn find(&self, key: &str) -> Option<Candidates> {
        let found: Option<String> = self.ask(cmd("GET").arg(answer(key))).await?;
        serde_json::from_str(&found?).map(Candidates::new).ok()
    }

    async fn keep(&self, key: &str, keep_for: Duration, candidates: &Candidates) {
        let Ok(text) = serde_json::to_string(&**candidates) else {
            return;
        };
        let (name, millis) = (answer(key), millis(keep_for));
        let _: Option<()> = self.ask(cmd("SET").arg(name).arg(text).arg("PX").arg(millis)).await;
    }

    /// Waits for the lock. `None` when that took too long or Redis is down: better ask twice than not
    /// at all.
    async fn lock(&self, key: &str) -> Option<Lock> {
        let token = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        let lock = Lock { name: format!("plant-gateway:lock:{key}"), token };
        let mut set = cmd("SET");
        set.arg(&lock.name).arg(&lock.token).arg("NX").arg("PX").arg(millis(self.times.expiry));
        let taken = timeout(self.times.wait, async {
            while self.ask::<Option<String>>(&set).await?.is_none() {
                sleep(BETWEEN_TRIES).await;
            }
            Some(())
        });
        taken.await.ok()?.map(|()| lock)
    }

    /// Keeps the lock for as long as this is polled. Who dies stops, and the lock runs out.
    async fn renew(&self, lock: Option<&Lock>) -> Infallible {
        let Some(lock) = lock else {
            return std::future::pending().await;
        };
        loop {
            sleep(self.times.expiry / 3).await;
            let script = lock.if_ours("'PEXPIRE', KEYS[1], ARGV[2]");
            let _: Option<i64> = self.ask(script.clone().arg(millis(self.times.expiry))).await;
        }
    }

    async fn release(&self, lock: Option<Lock>) {
        if let Some(lock) = lock {
            let _: Option<i64> = self.ask(&lock.if_ours("'DEL', KEYS[1]")).await;
        }
    }

    /// The reply to `command`; `None` when Redis failed or is left alone, which its circuit shows.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut redis = self.redis.clone();
        self.circuit.call(command.query_async(&mut redis)).await.ok()
    }
}

impl Lock {
    /// A script that does `command`, unless the lock has run out and is another's by now.
    fn if_ours(&self, command: &str) -> Cmd {
        let script = format!(
            "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call({command}) end return 0"
        );
        let mut eval = cmd("EVAL");
        eval.arg(script).arg(1).arg(&self.name).arg(&self.token);
        eval
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("times", &self.times).finish_non_exhaustive()
    }
}

fn answer(key: &str) -> String {
    format!("plant-gateway:answer:{key}")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// How long a command may take: longer, and asking the upstream is the better way.
const PATIENCE: Duration = Duration::from_millis(500);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
