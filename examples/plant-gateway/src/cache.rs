//! Answers that are kept, in front of the circuit: a hit touches neither it nor the upstream.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::answer::Candidates;
use crate::fleet::Fleet;
use crate::upstream::Failure;

/// The answers of one upstream.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    here: Cache<String, Candidates>,
    keep_for: Duration,
    fleet: Option<Fleet>,
}

impl Answers {
    pub(crate) fn new(keep_for: Duration, fleet: Option<Fleet>) -> Self {
        // Beside a cache of the fleet this one holds what is asked often, and adds little to its age.
        let here_for = if fleet.is_some() { keep_for.min(WITH_FLEET) } else { keep_for };
        let here = Cache::builder().max_capacity(MOST).time_to_live(here_for).build();
        Self { here, keep_for, fleet }
    }

    /// The answer under `key`, or else that of `flight`, which all who ask at the same time share.
    ///
    /// Failures are shared by those who wait for the same flight, and not kept. The flight is a task
    /// of its own: a caller who leaves does not waste a call that is paid for.
    pub(crate) async fn get_or(
        &self,
        key: String,
        flight: impl Future<Output = Result<Candidates, Failure>> + Send + 'static,
    ) -> Result<Candidates, Arc<Failure>> {
        let Self { here, keep_for, fleet } = self.clone();
        let task = tokio::spawn(async move {
            let shared_key = key.clone();
            let begin = async move {
                match fleet {
                    Some(fleet) => fleet.get_or(&shared_key, keep_for, flight).await,
                    None => flight.await,
                }
            };
            here.try_get_with(key, begin).await
        });
        // Only a panic ends it otherwise, and that is on standard error.
        task.await.unwrap_or_else(|_| Err(Arc::new(Failure::Broken)))
    }
}

/// A few megabytes.
const MOST: u64 = 10_000;
const WITH_FLEET: Duration = Duration::from_secs(60);
