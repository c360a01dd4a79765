//! The words of a block: what they hold, and where.

use crate::engine::outcome::EndedCall;
use crate::engine::state::Tag;
use crate::engine::window::counts::SlowCalls;

/// The `results` word of a block. What is below its number depends on [`SlowCalls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Results(pub(super) u64);

/// A property of results that sums and blocks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    Failed,
    Slow,
}

/// Results in a block: as many as fit beside tag and number.
const PER_BLOCK: u64 = 19;
/// Results in a block where slow calls are counted: each takes two bits.
const PER_BLOCK_BY_SPEED: u64 = 10;
pub(super) const NUMBER: u64 = (1 << 24) - 1;

impl Results {
    const NUMBER: u32 = 24;

    pub(super) const fn empty(tag: Tag, number: u64) -> Self {
        Self(tag.mark((number & NUMBER) << Self::NUMBER))
    }

    /// This block with one result more, for which it has room.
    #[inline]
    pub(super) fn with(self, call: EndedCall, slow_calls: SlowCalls) -> Self {
        let place = self.len(slow_calls);
        let bits = match slow_calls {
            SlowCalls::Ignored => call.failed() << place,
            SlowCalls::Counted => (call.failed() << PER_BLOCK_BY_SPEED | call.slow()) << place,
        };
        Self((self.0 | bits).wrapping_add(1 << slow_calls.count_at()))
    }

    #[inline]
    pub(super) const fn tag(self) -> Tag {
        Tag::on(self.0)
    }

    #[inline]
    pub(super) const fn number(self) -> u64 {
        self.0 >> Self::NUMBER & NUMBER
    }

    #[inline]
    pub(super) const fn len(self, slow_calls: SlowCalls) -> u64 {
        self.below_number() >> slow_calls.count_at()
    }

    #[inline]
    pub(super) const fn has_room(self, slow_calls: SlowCalls) -> bool {
        self.below_number() < slow_calls.full()
    }

    /// Whether this is block `number` of the epoch of `tag`, and has room.
    #[inline]
    pub(super) const fn is_with_room(self, tag: Tag, number: u64, slow_calls: SlowCalls) -> bool {
        (self.0 ^ Self::empty(tag, number).0) < slow_calls.full()
    }

    #[inline]
    const fn below_number(self) -> u64 {
        self.0 & ((1 << Self::NUMBER) - 1)
    }

    /// How many of the first `places` results failed, or were slow.
    pub(super) const fn count(self, places: u64, feature: Feature, slow_calls: SlowCalls) -> u64 {
        let bits = match (feature, slow_calls) {
            (Feature::Failed, SlowCalls::Counted) => self.0 >> PER_BLOCK_BY_SPEED,
            (Feature::Failed, SlowCalls::Ignored) | (Feature::Slow, _) => self.0,
        };
        (bits & low(places)).count_ones() as u64
    }
}

/// What depends on whether slow calls are counted.
impl SlowCalls {
    #[inline]
    pub(super) const fn per_block(self) -> u64 {
        match self {
            Self::Ignored => PER_BLOCK,
            Self::Counted => PER_BLOCK_BY_SPEED,
        }
    }

    pub(super) const fn words_per_block(self) -> u64 {
        match self {
            Self::Ignored => 2,
            Self::Counted => 3,
        }
    }

    /// Where in a `results` word the count of its results begins, which reaches to its number.
    #[inline]
    pub(super) const fn count_at(self) -> u32 {
        match self {
            Self::Ignored => 19,
            Self::Counted => 20,
        }
    }

    /// The count of a full block, in its place.
    #[inline]
    pub(super) const fn full(self) -> u64 {
        self.per_block() << self.count_at()
    }

    /// The block that holds result `number` of an epoch, and how many come before it there.
    ///
    /// By a constant in each arm: a division by what the processor has to look up takes longer.
    pub(super) const fn block_of(self, number: u64) -> (u64, u64) {
        match self {
            Self::Ignored => (number / PER_BLOCK, number % PER_BLOCK),
            Self::Counted => (number / PER_BLOCK_BY_SPEED, number % PER_BLOCK_BY_SPEED),
        }
    }
}

/// The lowest `places` bits; `places` is at most the number of results in a block.
const fn low(places: u64) -> u64 {
    (1_u64 << places).wrapping_sub(1)
}
