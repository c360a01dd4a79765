//! What `docs/COMPARISON.md` says of the peers, where it can be seen from outside.

#![allow(clippy::unwrap_used, reason = "settings that can be")]

mod circuits;
mod seatbelt;

use tower::{Service, ServiceExt};

/// An upstream that does what it is asked for: `f` fails, `p` panics, `h` hangs.
async fn upstream(ask: char) -> Result<(), &'static str> {
    match ask {
        'f' => Err("down"),
        'p' => panic!("it was asked to"),
        'h' => std::future::pending().await,
        _ => Ok(()),
    }
}

/// Plays a script. Returns a letter for each call: `o` answered, `f` failed, `r` rejected.
async fn play<S, R>(client: &mut S, script: &str, is_rejected: R) -> String
where
    S: Service<char>,
    R: Fn(&S::Error) -> bool,
{
    let mut seen = String::new();
    for ask in script.chars() {
        let Ok(client) = client.ready().await else { panic!("the upstream is always ready") };
        seen.push(match client.call(ask).await {
            Ok(_) => 'o',
            Err(error) if is_rejected(&error) => 'r',
            Err(_) => 'f',
        });
    }
    seen
}
