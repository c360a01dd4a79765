//! What is promised of every circuit.

use std::fmt;

/// Names what is promised: by any circuit, or by settings, a classifier or a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Promise {
    /// Of the circuit's maker: it makes the same circuit each time.
    SameSettings,
    /// Of the clock: it shows what it was moved to, and never goes back.
    Clock,
    /// Of the classifier: it says of each sample what the sample was given as, each time.
    Classifier,
    /// Of listeners: they neither panic nor move the circuit.
    Listeners,
    /// Of the settings: an upstream that fails opens the circuit.
    Opens,
    /// Calls are admitted while the circuit is closed, and as probes while it is half-open.
    Admission,
    /// An open circuit calls nothing, and a rejection says how long that will last.
    OpenRejects,
    /// No more probes are in flight at once than the settings allow.
    ProbeLimit,
    /// Probes close the circuit, or open it again, as soon as they have decided.
    Probes,
    /// It opens exactly when one of its rules holds, and by the first that does.
    Limits,
    /// Only a failure or a slow call opens it.
    FastSuccess,
    /// Open times are those of the rules and the backoff.
    OpenTime,
    /// Each state but closed has an end: after the open time, good probes close the circuit.
    WayOut,
    /// A call is counted once, as what it was.
    SettledOnce,
    /// What ends late, after the circuit has moved on, changes nothing.
    LateResults,
    /// A panic is a failure, and goes on to the caller.
    Panics,
    /// The window and the run hold the results of this epoch, and no others.
    Window,
    /// One event for each change, in order.
    Events,
    /// Commands do what they say; what nobody commanded does not happen.
    Commands,
    /// New settings leave state and totals as they are.
    Reconfigure,
    /// Looking changes nothing.
    Looking,
}

impl Promise {
    /// Returns the promise in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameSettings => "the maker makes the same circuit each time",
            Self::Clock => "the clock shows what it was moved to, and never goes back",
            Self::Classifier => "the classifier says of each sample what that was given as",
            Self::Listeners => "listeners neither panic nor move the circuit",
            Self::Opens => "an upstream that fails opens the circuit",
            Self::Admission => "calls are admitted while closed, and as probes while half-open",
            Self::OpenRejects => "an open circuit calls nothing, and says how long that lasts",
            Self::ProbeLimit => "no more probes are in flight at once than the settings allow",
            Self::Probes => "probes close or reopen the circuit as soon as they have decided",
            Self::Limits => "it opens exactly when one of its rules holds, by the first that does",
            Self::FastSuccess => "only a failure or a slow call opens it",
            Self::OpenTime => "open times are those of the rules and the backoff",
            Self::WayOut => "each state but closed has an end",
            Self::SettledOnce => "a call is counted once, as what it was",
            Self::LateResults => "what ends after the circuit has moved on changes nothing",
            Self::Panics => "a panic is a failure, and goes on to the caller",
            Self::Window => "window and run hold the results of this stretch, and no others",
            Self::Events => "there is one event for each change, in order",
            Self::Commands => "commands do what they say, and nothing moves without one",
            Self::Reconfigure => "new settings leave state and totals as they are",
            Self::Looking => "looking changes nothing",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
