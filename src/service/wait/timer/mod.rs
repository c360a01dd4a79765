//! What wakes a waiting task when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

#[cfg(feature = "tokio")]
pub(crate) mod tokio;

/// Is ready when its time has come. May be early: who is woken asks again.
pub(crate) type Alarm = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// Makes an alarm that is ready after a time.
pub(crate) type Arm = fn(Duration) -> Alarm;
