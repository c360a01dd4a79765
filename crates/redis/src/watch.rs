//! Sentinels are asked whether the primary is still the same, while it answers.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use fastrand::Rng;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinHandle;

use crate::host::Host;
use crate::sentinel::{Sentinels, Silent};

/// Asks as long as this is there.
///
/// After a fail-over by command the old primary goes on taking writes, until Sentinels have made it a
/// replica: some ten seconds.
pub(crate) struct Watch(JoinHandle<()>);

/// The shortest time between two questions; up to as much again is drawn at random.
const PAUSE: Duration = Duration::from_secs(1);

impl Watch {
    /// Calls `elsewhere` each time that a Sentinel names another primary than `primary`.
    pub(crate) fn begin(
        sentinels: Sentinels,
        primary: Host,
        timeout: Duration,
        elsewhere: impl Fn() + Send + 'static,
    ) -> Self {
        Self(tokio::spawn(async move {
            let mut random = Rng::with_seed(RandomState::new().hash_one(primary.port));
            let mut way = None;
            loop {
                tokio::time::sleep(PAUSE.mul_f64(1.0 + random.f64())).await;
                let named = ask(&sentinels, &mut way, timeout).await;
                if named.is_some_and(|named| named != primary) {
                    elsewhere();
                }
            }
        }))
    }
}

impl Drop for Watch {
    // Cannot panic: it ends a task.
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks the Sentinel of before, and else each until one names a primary; over the way to that it is
/// asked again.
async fn ask(
    sentinels: &Sentinels,
    way: &mut Option<MultiplexedConnection>,
    timeout: Duration,
) -> Option<Host> {
    if let Some(connection) = way {
        match sentinels.ask(connection).await {
            Ok(named) => return Some(named),
            Err(Silent::DoesNotKnow | Silent::Failed(_)) => *way = None,
        }
    }
    for host in sentinels.hosts() {
        let Ok(Ok(mut connection)) = sentinels.connect(&host, timeout).await else {
            continue;
        };
        if let Ok(named) = sentinels.ask(&mut connection).await {
            *way = Some(connection);
            return Some(named);
        }
    }
    None
}
