//! The states of a circuit and the one atomic word that publishes them.

/// The state of a circuit: closed, open or half-open.
///
/// ```text
///            a trip rule holds                 the open time is over
///   Closed ───────────────────────▶ Open ───────────────────────────▶ HalfOpen
///     ▲                              ▲                                   │  │
///     │                              └───────────────────────────────────┘  │
///     │                                     too many probes failed          │
///     └─────────────────────────────────────────────────────────────────────┘
///                              enough probes succeeded
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a circuit breaker has three states")]
pub enum CircuitState {
    /// Calls are admitted and counted.
    Closed,
    /// Calls are rejected until the open time ends.
    Open,
    /// A few calls, the probes, are admitted to find out whether the upstream has recovered.
    HalfOpen,
}

impl CircuitState {
    /// Returns the name used in metrics, logs and JSON: `closed`, `open` or `half_open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// An operator's override of a circuit, until [`Circuit::release`](crate::Circuit::release) or its
/// own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one variant for each command that overrides")]
pub enum Override {
    /// Every call is rejected.
    ForcedOpen,
    /// Every call is admitted, whatever the outcomes.
    ForcedClosed,
    /// Every call is admitted; the circuit counts the calls that it would have rejected.
    Observing,
}

impl Override {
    /// Returns the name used in metrics, logs and JSON, such as `forced_open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
            Self::Observing => "observing",
        }
    }
}

/// State, override, flags for the call path, and epoch: all that admission reads, in one word.
///
/// ```text
///  63 ... 9 | 8 latency | 7 tracked | 6 rejection events | 5 call events | 4 timed | 3-2 override | 1-0 state
///   epoch
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    /// The start of each call is noted: a slow-call rule, `abandoned_after` or the latency asks for
    /// it.
    pub(crate) const TIMED: u64 = 1 << 4;
    /// A listener is interested in ended calls.
    pub(crate) const CALL_EVENTS: u64 = 1 << 5;
    /// A listener is interested in rejections.
    pub(crate) const REJECTION_EVENTS: u64 = 1 << 6;

    /// The closed circuit tracks, ramps or throttles calls, or its override has an end: this word
    /// alone does not admit one.
    pub(crate) const TRACKED: u64 = 1 << 7;

    /// The circuit keeps how long its calls took. Set in the first word or never, and taken over by
    /// each that follows.
    pub(crate) const LATENCY: u64 = 1 << 8;

    pub(crate) const STATE: u64 = 0b11;
    const OPEN: u64 = 1;
    const OVERRIDE: u64 = 0b11 << 2;
    pub(crate) const EPOCH: u32 = 9;

    pub(crate) const fn new(
        state: CircuitState,
        overridden: Option<Override>,
        flags: u64,
        epoch: u64,
    ) -> Self {
        let state = match state {
            CircuitState::Closed => 0,
            CircuitState::Open => Self::OPEN,
            CircuitState::HalfOpen => 2,
        };
        let overridden = match overridden {
            None => 0,
            Some(Override::ForcedOpen) => 1 << 2,
            Some(Override::ForcedClosed) => 2 << 2,
            Some(Override::Observing) => 3 << 2,
        };
        Self(state | overridden | flags | (epoch << Self::EPOCH))
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn state(self) -> CircuitState {
        match self.0 & Self::STATE {
            0 => CircuitState::Closed,
            Self::OPEN => CircuitState::Open,
            _ => CircuitState::HalfOpen,
        }
    }

    #[inline]
    pub(crate) const fn is_closed(self) -> bool {
        self.0 & Self::STATE == 0
    }

    /// Whether this word alone admits a call.
    #[inline]
    pub(crate) const fn is_plainly_closed(self) -> bool {
        self.0 & (Self::STATE | Self::TRACKED) == 0
    }

    /// Whether the circuit is open, and nothing overrides that.
    #[inline]
    pub(crate) const fn is_plainly_open(self) -> bool {
        self.0 & (Self::STATE | Self::OVERRIDE) == Self::OPEN
    }

    /// Whether calls are tracked, and nothing besides keeps this word alone from admitting one.
    #[inline]
    pub(crate) const fn is_closed_and_only_tracked(self) -> bool {
        self.0 & (Self::STATE | Self::OVERRIDE | Self::TRACKED) == Self::TRACKED
    }

    #[inline]
    pub(crate) const fn overridden(self) -> Option<Override> {
        match (self.0 & Self::OVERRIDE) >> 2 {
            0 => None,
            1 => Some(Override::ForcedOpen),
            2 => Some(Override::ForcedClosed),
            _ => Some(Override::Observing),
        }
    }

    #[inline]
    pub(crate) const fn epoch(self) -> u64 {
        self.0 >> Self::EPOCH
    }

    /// The flags that no setting decides: the events in which listeners are interested, and whether
    /// the latency is kept.
    pub(crate) const fn interest(self) -> u64 {
        self.0 & (Self::CALL_EVENTS | Self::REJECTION_EVENTS | Self::LATENCY)
    }

    #[inline]
    pub(crate) const fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }
}

/// The low bits of an epoch, which mark everything that one epoch of one state recorded.
///
/// An atomic word that carries a tag can be changed only by results of its own epoch. Sixteen bits
/// are enough: to be mistaken, a thread would have to be stopped between two instructions while
/// exactly a multiple of 65,536 changes of state go by and leave the rest of the word the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(u64);

impl Tag {
    const SHIFT: u32 = 48;

    #[inline]
    pub(crate) const fn of(epoch: u64) -> Self {
        Self(epoch << Self::SHIFT)
    }

    /// The tag of an epoch that is over for long, or far from beginning: of no result.
    #[inline]
    pub(crate) const fn far_off(self) -> Self {
        Self(self.0 ^ 1 << 63)
    }

    /// The tag that `word` carries.
    #[inline]
    pub(crate) const fn on(word: u64) -> Self {
        Self(word & (u64::MAX << Self::SHIFT))
    }

    /// `value`, which has 48 bits, under this tag.
    #[inline]
    pub(crate) const fn mark(self, value: u64) -> u64 {
        self.0 | value
    }

    /// The bits of `word` besides its tag.
    #[inline]
    pub(crate) const fn strip(word: u64) -> u64 {
        word & !(u64::MAX << Self::SHIFT)
    }
}

#[cfg(test)]
mod tests;
