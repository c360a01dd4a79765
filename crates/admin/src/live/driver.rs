//! The task that looks at the circuits.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::live::{ATTENTION, Live};
use crate::sync::lock;

/// Goes with the task, and that with its runtime: whoever wants to know next starts another.
struct Task {
    live: Weak<Live>,
    has_ended: bool,
}

impl Live {
    /// Somebody wants to know what changes: the circuits are looked at for a while.
    ///
    /// Outside of a runtime of tokio nobody looks, until somebody asks within one.
    pub(crate) fn attend(self: &Arc<Self>) {
        lock(&self.attention).until = Some(Instant::now() + ATTENTION);
        self.start();
    }

    /// Starts the task, if there is none.
    pub(crate) fn start(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let has_task = std::mem::replace(&mut lock(&self.attention).has_task, true);
        if !has_task {
            // Not under the lock: a runtime that ends drops the task at once.
            runtime.spawn(look(Task { live: Arc::downgrade(self), has_ended: false }));
        }
    }
}

async fn look(mut task: Task) {
    loop {
        let Some(live) = task.live.upgrade() else { return };
        let Some(pace) = live.pace() else {
            task.has_ended = true;
            return;
        };
        // Ten thousand circuits take some milliseconds. If a clock panics, the next look is another.
        let _ = tokio::task::spawn_blocking(move || live.look()).await;
        tokio::time::sleep(pace).await;
    }
}

impl Drop for Task {
    // Cannot panic: it sets a flag.
    fn drop(&mut self) {
        let live = self.live.upgrade().filter(|_| !self.has_ended);
        if let Some(live) = live {
            lock(&live.attention).has_task = false;
        }
    }
}
