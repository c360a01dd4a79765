//! How a process is asked to end.

use std::future::Future;
use std::io;

/// Returns a future that ends when the user or the system asks this process to: by ctrl-c, or by
/// `SIGTERM` as containers are. Whoever asks from now on is heard, though the future is polled later.
///
/// # Errors
///
/// When signals cannot be heard.
#[cfg(unix)]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// The same, from when it is polled.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Where it cannot be heard, the process ends by force alone.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
