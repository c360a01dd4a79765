//! What happens very often is counted, and said once a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

/// Says something at once, and how often it has happened since each second, as long as it goes on.
#[derive(Debug, Clone, Default)]
pub struct Flood(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// Since it was last said.
    times: u64,
    /// A task says it when the second is over.
    is_told: bool,
}

impl Flood {
    /// Counts one, and has `say` tell how many there were; in a runtime of tokio.
    pub fn count(&self, say: impl Fn(u64) + Send + 'static) {
        {
            let mut counted = self.lock();
            if counted.is_told {
                counted.times += 1;
                return;
            }
            counted.is_told = true;
        }
        say(1);
        let flood = self.clone();
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                match flood.take() {
                    0 => return,
                    times => say(times),
                }
            }
        });
    }

    /// How many there were; none ends the telling.
    fn take(&self) -> u64 {
        let mut counted = self.lock();
        counted.is_told = counted.times > 0;
        std::mem::take(&mut counted.times)
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
