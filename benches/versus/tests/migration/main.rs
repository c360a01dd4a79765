//! What the guide says of a migration: with the settings that its tables set beside each other, a
//! peer and this crate let a caller see the same.
//!
//! The peers take the time of the system, so these tests wait, a few tenths of a second each.

#![allow(clippy::unwrap_used, reason = "settings that can be")]

mod failsafe;
mod programs;
mod tower_resilience;

use std::fmt::Debug;
use std::time::Duration;

use tower::{Service, ServiceExt};

/// How long circuits stay open.
const OPEN: Duration = Duration::from_millis(100);
/// What takes longer is slow.
const SLOW: Duration = Duration::from_millis(50);

/// An upstream that does what it is asked for: `f` fails, `b` calls the request bad, `s` is slow.
async fn upstream(ask: char) -> Result<(), &'static str> {
    match ask {
        'f' => Err("down"),
        'b' => Err("bad request"),
        's' => {
            tokio::time::sleep(2 * SLOW).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Plays a script, in which `_` is a wait for the open time to pass. Returns a letter for each call:
/// `o` answered, `f` failed, `r` rejected.
async fn play<S>(mut client: S, script: &str, is_rejected: impl Fn(&S::Error) -> bool) -> String
where
    S: Service<char, Error: Debug>,
{
    let mut seen = String::new();
    for ask in script.chars() {
        if ask == '_' {
            tokio::time::sleep(2 * OPEN).await;
            continue;
        }
        let client = client.ready().await.expect("the upstream is always ready");
        seen.push(match client.call(ask).await {
            Ok(_) => 'o',
            Err(error) if is_rejected(&error) => 'r',
            Err(_) => 'f',
        });
    }
    seen
}
