//! The task that looks at the circuits.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::live::{ATTENTION, Live};
use crate::sync::lock;

/// Goes with the task, and that with its runtime: whoever wants to know next starts another.
struct Task {
    live: Weak<Live>,
    wake: Arc<Notify>,
    number: u64,
    has_ended: bool,
}

impl Live {
    /// Somebody wants to know what changes: the circuits are looked at for a while.
    ///
    /// Outside of a runtime of tokio nobody looks, until somebody asks within one.
    pub(crate) fn attend(self: &Arc<Self>) {
        // A thread that ends has no time of tokio any longer: where a test has made that stand
        // still, asking for it would panic, and a panic here ends the process.
        if Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed()) {
            return self.wake.notify_one();
        }
        let now = Instant::now();
        let before = lock(&self.attention).until.replace(now + ATTENTION);
        if before.is_none_or(|until| until <= now) {
            self.wake.notify_one();
        }
        self.start();
    }

    /// Starts the task, if there is none, or the one that there is stands still with its runtime.
    pub(crate) fn start(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let now = Instant::now();
        let mut attention = lock(&self.attention);
        let stands_still = attention
            .looked
            .is_some_and(|looked| now.saturating_duration_since(looked) > STANDS_STILL);
        if attention.has_task && !stands_still {
            return;
        }
        attention.has_task = true;
        attention.looked = Some(now);
        attention.task = attention.task.wrapping_add(1);
        let number = attention.task;
        drop(attention);
        let (live, wake) = (Arc::downgrade(self), Arc::clone(&self.wake));
        // Not under the lock: a runtime that ends drops the task at once.
        runtime.spawn(look(Task { live, wake, number, has_ended: false }));
    }

    /// Starts the task where a history is kept.
    pub(crate) fn start_history(self: &Arc<Self>) {
        if self.has_history {
            self.start();
        }
    }
}

async fn look(mut task: Task) {
    loop {
        let Some(live) = task.live.upgrade() else { return };
        let Some(pace) = live.pace(task.number) else {
            task.has_ended = true;
            return;
        };
        // Ten thousand circuits take some milliseconds. If a clock panics, the next look is another.
        let _ = tokio::task::spawn_blocking(move || live.look()).await;
        // Either way it is time to look.
        let _ = timeout(pace, task.wake.notified()).await;
    }
}

impl Drop for Task {
    // Cannot panic: it sets a flag.
    fn drop(&mut self) {
        let Some(live) = self.live.upgrade().filter(|_| !self.has_ended) else { return };
        let mut attention = lock(&live.attention);
        if attention.task == self.number {
            attention.has_task = false;
        }
    }
}

/// A task that was to look each second, and has not for so long.
const STANDS_STILL: Duration = Duration::from_secs(3);
