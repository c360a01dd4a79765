//! What each process writes about itself, so that others know that it is there.

use std::time::Duration;

use redis::{Cmd, Value, cmd};
use tokio::time::Instant;
use tower_circuit_breaker_fleet::identity::Identity;
use tower_circuit_breaker_fleet::presence::number;

use crate::fault::Fault;
use crate::kind::SyncErrorKind;

/// A process says every five seconds that it is there, and notices another of its name by what that
/// has written meanwhile.
#[derive(Debug)]
pub(crate) struct Presence {
    is_known: bool,
    next: Instant,
    /// When it was last put into the list of all.
    listed: Option<Instant>,
    /// Until when another of this name is believed to be there.
    shared_until: Option<Instant>,
}

/// How often it is said, and the longest that a link is idle; half a second more or less is drawn, so that not all say it together.
const EVERY: Duration = Duration::from_secs(5);

/// So long it is not listed again, six times of saying it but for what is drawn: a name stands in the
/// list for twice as long.
const LISTED: Duration = Duration::from_millis(27_500);

/// How long what was said counts.
const LIFE: Duration = Duration::from_secs(20);

impl Presence {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { is_known: false, next: now, listed: None, shared_until: None }
    }

    /// Whether it is time to say it.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    /// When it is time next.
    pub(crate) const fn next(&self) -> Instant {
        self.next
    }

    /// It is said now; `jitter` is below one second. Gives whether it is to be listed, too.
    pub(crate) fn said(&mut self, jitter: Duration, now: Instant) -> bool {
        self.next = now + EVERY - Duration::from_millis(500) + jitter;
        let is_due = self.listed.is_none_or(|listed| now.duration_since(listed) >= LISTED);
        if is_due {
            self.listed = Some(now);
        }
        is_due
    }

    /// Takes whether another process had written since this one had: before the first time that was
    /// one of before.
    pub(crate) fn heard(&mut self, is_of_another: bool, now: Instant) {
        if self.is_known && is_of_another {
            self.shared_until = Some(now + LIFE);
        }
        self.is_known = true;
    }

    /// The connection is over: who writes meanwhile may be this process's successor.
    pub(crate) const fn forget(&mut self) {
        self.is_known = false;
        // Redis may have lost the list.
        self.listed = None;
    }

    /// What is wrong while another process has this name.
    pub(crate) fn fault(&self, identity: &Identity, now: Instant) -> Option<Fault> {
        self.shared_until.filter(|until| now < *until)?;
        let words = format!("another process of the fleet is called {}, too", identity.name);
        Some(Fault::new(SyncErrorKind::SameName, &words))
    }
}

/// Writes what the process says, and gives what stood there before.
pub(crate) fn announce(key: &str, said: &str) -> Cmd {
    let mut set = cmd("SET");
    set.arg(key).arg(said);
    set.arg("PX").arg(u64::try_from(LIFE.as_millis()).unwrap_or(u64::MAX)).arg("GET");
    set
}

/// Whether what stood there before, as Redis has answered, was written by another process.
pub(crate) fn is_of_another(before: &Value, identity: &Identity) -> bool {
    let Value::BulkString(before) = before else {
        return false;
    };
    std::str::from_utf8(before).ok().and_then(number) != Some(identity.number)
}

#[cfg(test)]
mod tests {
    use tower_circuit_breaker_fleet::presence::said;

    use super::*;

    #[test]
    fn another_of_the_name_is_known_by_what_it_writes_meanwhile() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let identity = Identity::named("web", 1);
        let mut presence = Presence::new(start);

        presence.heard(true, start);
        assert_eq!(presence.fault(&identity, start), None, "of the process that was here before");
        presence.heard(false, at(5));
        assert_eq!(presence.fault(&identity, at(5)), None);
        presence.heard(true, at(10));
        let fault = presence.fault(&identity, at(11)).unwrap();
        assert_eq!(fault.kind(), SyncErrorKind::SameName);
        presence.heard(false, at(15));
        assert!(
            presence.fault(&identity, at(29)).is_some(),
            "it may have been said twice in a row"
        );
        assert_eq!(presence.fault(&identity, at(30)), None);

        presence.forget();
        presence.heard(true, at(60));
        assert_eq!(presence.fault(&identity, at(60)), None, "it may be the next of this name");
    }

    #[test]
    fn who_was_stopped_is_listed_as_soon_as_it_goes_on() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let half = Duration::from_millis(500);
        let mut presence = Presence::new(start);

        let listed = (0..13).map(|time| presence.said(half, at(5 * time)));
        let listed: Vec<_> =
            (0..).zip(listed).filter(|(_, is)| *is).map(|(time, _)| time).collect();
        assert_eq!(listed, [0, 6, 12]);
        assert!(!presence.is_due(at(64)));

        assert!(presence.is_due(at(125)), "it was stopped");
        assert!(presence.said(half, at(125)), "for as long as a name stands in the list");
    }

    #[test]
    fn what_was_written_before_is_known_by_its_number() {
        let [own, other] = [1, 2].map(|number| Identity::named("web", number));
        let wrote = |identity: &Identity| {
            Value::BulkString(said(identity, "0.1.0", None, &[]).into_bytes())
        };

        assert!(is_of_another(&wrote(&other), &own));
        assert!(!is_of_another(&wrote(&own), &own));
        assert!(!is_of_another(&Value::Nil, &own));
    }
}
