//! Sliding windows: the outcomes of the last calls.

pub(crate) mod counts;
pub(crate) mod span;

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::stripes::Stripes;
use crate::engine::time::{TimeSource, Timestamp, nanos};
use crate::engine::window::count::CountRing;
use crate::engine::window::counts::{Enough, SlowCalls, WindowCounts};
use crate::engine::window::slots::Slots;
use crate::engine::window::span::{SlidingWindow, Span};
use crate::engine::window::successes::Successes;
use crate::engine::window::time::{Classes, TimeRing};
use crate::sync::{AtomicU64, Ordering};

mod count;
pub(crate) mod slots;
mod successes;
mod time;

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// The window of one circuit: its shape, which a reconfiguration may change, and its words.
///
/// Shape and width are written under the lock that guards changes of state, before the epoch that
/// uses them is published. A result of an older epoch may read a mixture of old and new. It does no
/// harm: once the new epoch begins, no word that it finds carries its tag.
#[derive(Debug)]
pub(crate) struct Window {
    /// See [`Shape`].
    shape: AtomicU64,
    /// Nanoseconds in a bucket of time.
    width: AtomicU64,
    /// The tagged position in the ring: the current block, or the newest tick.
    cursor: AtomicU64,
    /// The successes of this epoch, in a time window; see [`Successes`].
    successes: AtomicU64,
    /// The successes of all epochs before. Changed and read under the lock.
    past: AtomicU64,
    slots: Slots,
}

/// The span of a window and the place of its words, in one word:
///
/// ```text
///   kind 2 | slow calls counted 1 | block of the slots 8 | words 21 | calls or buckets 32
/// ```
#[derive(Debug, Clone, Copy)]
struct Shape(u64);

impl Window {
    /// A window without room or shape: [`reshape`](Self::reshape) comes next.
    pub(crate) fn new(span: Option<SlidingWindow>, classes: SlowCalls) -> Self {
        Self {
            shape: AtomicU64::new(Shape::NONE.0),
            width: AtomicU64::new(1),
            cursor: AtomicU64::new(0),
            successes: AtomicU64::new(0),
            past: AtomicU64::new(0),
            slots: Slots::new(words_for(span, classes)),
        }
    }

    /// Sets the span of the window. The caller holds the lock, and restarts the window next.
    pub(crate) fn reshape(&self, span: Option<SlidingWindow>, slow_calls: SlowCalls) {
        let block = self.slots.make_room(words_for(span, slow_calls));
        if let Some(SlidingWindow(Span::Time { length, buckets })) = span {
            // Rounded up: a window is never shorter than asked for.
            let width = nanos(length).div_ceil(u64::from(buckets).max(1));
            // Relaxed: published with the epoch, by the Release in `Machine::publish`.
            self.width.store(width, Ordering::Relaxed);
        }
        // Relaxed: published with the epoch, as is the width.
        self.shape.store(Shape::new(span, slow_calls, block).0, Ordering::Relaxed);
    }

    /// Empties the window for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, stripes: &Stripes, tag: Tag, now: Timestamp) {
        self.with_ring(stripes, || (), |ring| ring.restart(tag), |ring| ring.restart(tag, now));
    }

    /// Ends the epoch of `tag` in favour of `next`: from here on the window takes no success of it.
    /// The caller holds the lock, and restarts the window next.
    pub(crate) fn finish(&self, stripes: &Stripes, tag: Tag, next: Tag) {
        let count = |ring: CountRing<'_>| ring.finish(tag, next);
        let counted = self.with_ring(stripes, || 0, count, |ring| ring.finish(tag, next));
        // Relaxed: under the lock.
        self.past.fetch_add(counted, Ordering::Relaxed);
    }

    /// The number of successes that the window has counted, in this epoch and all before. The
    /// caller holds the lock.
    pub(crate) fn successes(&self, stripes: &Stripes, tag: Tag) -> u64 {
        let count = |ring: CountRing<'_>| ring.successes(tag);
        let counted = self.with_ring(stripes, || 0, count, |ring| ring.succeeded(tag));
        // Relaxed: under the lock.
        counted.saturating_add(self.past.load(Ordering::Relaxed))
    }

    /// Whether there is cause to look whether several threads call: not before [`count_success`] left
    /// something to be looked at.
    ///
    /// [`count_success`]: Self::count_success
    pub(crate) fn are_threads_looked_at(&self, stripes: &Stripes, tag: Tag) -> bool {
        self.shape().kind() == Shape::TIME && self.striped(stripes).are_looked_at(tag)
    }

    /// Has each of several threads count in its stripe from here on. The caller holds the lock, and
    /// `tag` is that of the present epoch.
    pub(crate) fn use_stripes(&self, stripes: &Stripes, tag: Tag) {
        self.striped(stripes).use_stripes(tag);
    }

    /// Adds a success that ends before `fast_until`, where that takes a single exchange, and returns
    /// whether it is counted for the totals; `None`, and nothing is added, where
    /// [`record`](Self::record) is to do it.
    #[inline]
    pub(crate) fn count_success(
        &self,
        stripes: &Stripes,
        tag: Tag,
        fast_until: Timestamp,
        clock: &impl TimeSource,
    ) -> Option<bool> {
        let is_fast = || fast_until == Timestamp::NEVER || clock.time_left(fast_until).is_some();
        let shape = self.shape();
        match shape.kind() {
            Shape::COUNT => {
                (is_fast() && self.count_ring(shape).count_success(tag)).then_some(true)
            }
            Shape::TIME => {
                self.count_success_in_time(stripes, tag, fast_until, clock).then_some(true)
            }
            _ => is_fast().then_some(false),
        }
    }

    /// The same for a time window.
    ///
    /// Not inlined: the reading of the clock would crowd what circuits without such a window do. The
    /// ring is made in here, where its parts stay in registers.
    #[inline(never)]
    fn count_success_in_time(
        &self,
        stripes: &Stripes,
        tag: Tag,
        fast_until: Timestamp,
        clock: &impl TimeSource,
    ) -> bool {
        // As if it had no buckets: it looks at none.
        self.time_ring(Shape::NONE, stripes).count_success(tag, fast_until, clock)
    }

    /// Adds one result; with the counts where it may trip the circuit.
    #[inline]
    pub(crate) fn record(
        &self,
        stripes: &Stripes,
        tag: Tag,
        call: EndedCall,
        now: impl FnOnce() -> Timestamp,
    ) -> Recorded<Option<WindowCounts>> {
        self.with_ring(
            stripes,
            || Recorded::InTime { follows: None, is_counted: false },
            |ring| ring.record(tag, call),
            |ring| ring.record(tag, call, now()),
        )
    }

    /// The counts of the window now; all zero when the epoch is over.
    pub(crate) fn counts(&self, stripes: &Stripes, tag: Tag, now: Timestamp) -> WindowCounts {
        let time = |ring: TimeRing<'_>| ring.counts(tag, now);
        self.with_ring(stripes, WindowCounts::default, |ring| ring.counts(tag), time)
    }

    /// The counts of the newest buckets of a time window; all zero when the epoch is over.
    pub(crate) fn recent(
        &self,
        stripes: &Stripes,
        tag: Tag,
        enough: Enough,
        now: Timestamp,
    ) -> WindowCounts {
        let time = |ring: TimeRing<'_>| ring.recent(tag, enough, now);
        self.with_ring(stripes, WindowCounts::default, |ring| ring.counts(tag), time)
    }

    /// Calls the one of these closures that is for the kind of the ring.
    ///
    /// Not an enum: a ring that is built in memory and moved costs more than recording in it.
    #[inline]
    fn with_ring<T>(
        &self,
        stripes: &Stripes,
        none: impl FnOnce() -> T,
        count: impl FnOnce(CountRing<'_>) -> T,
        time: impl FnOnce(TimeRing<'_>) -> T,
    ) -> T {
        let shape = self.shape();
        match shape.kind() {
            Shape::COUNT => count(self.count_ring(shape)),
            Shape::TIME => time(self.time_ring(shape, stripes)),
            _ => none(),
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        // Relaxed: a result of the current epoch comes after an Acquire load of the state word,
        // which published the shape. What a result of another epoch does is cleared with its tag.
        Shape(self.shape.load(Ordering::Relaxed))
    }

    #[inline]
    fn words(&self, shape: Shape) -> &[AtomicU64] {
        self.slots.words(shape.block()).get(..shape.words()).unwrap_or(&[])
    }

    /// The ring of a `shape` of calls.
    #[inline]
    fn count_ring(&self, shape: Shape) -> CountRing<'_> {
        CountRing::new(self.words(shape), &self.cursor, shape.size(), shape.slow_calls())
    }

    /// The ring of a `shape` of time.
    #[inline]
    fn time_ring<'a>(&'a self, shape: Shape, stripes: &'a Stripes) -> TimeRing<'a> {
        // Relaxed: as the shape.
        let width = self.width.load(Ordering::Relaxed);
        let (words, classes) = (self.words(shape), shape.slow_calls().classes());
        let successes = self.striped(stripes);
        TimeRing::new(words, &self.cursor, successes, shape.size(), width, classes)
    }

    /// The successes of a time window.
    #[inline]
    const fn striped<'a>(&'a self, stripes: &'a Stripes) -> Successes<'a> {
        Successes::new(&self.successes, stripes)
    }
}

impl SlowCalls {
    #[inline]
    const fn classes(self) -> Classes {
        match self {
            Self::Ignored => Classes::ByOutcome,
            Self::Counted => Classes::ByOutcomeAndSpeed,
        }
    }
}

impl Shape {
    const NONE: Self = Self(0);
    const COUNT: u64 = 1;
    const TIME: u64 = 2;
    /// A window of a million calls takes at most 3 × 2^17 words, of 3,600 buckets 14,400.
    const WORDS: u64 = (1 << 21) - 1;

    fn new(span: Option<SlidingWindow>, slow_calls: SlowCalls, block: slots::Block) -> Self {
        let (kind, size) = match span {
            None => return Self::NONE,
            Some(SlidingWindow(Span::Calls(calls))) => (Self::COUNT, calls),
            Some(SlidingWindow(Span::Time { buckets, .. })) => (Self::TIME, buckets),
        };
        let told_apart = u64::from(slow_calls == SlowCalls::Counted);
        let words = u64::try_from(words_for(span, slow_calls)).unwrap_or(0) & Self::WORDS;
        Self(kind | told_apart << 2 | (block & 0xff) << 3 | words << 11 | u64::from(size) << 32)
    }

    #[inline]
    const fn kind(self) -> u64 {
        self.0 & 0b11
    }

    #[inline]
    const fn slow_calls(self) -> SlowCalls {
        if self.0 & 0b100 == 0 { SlowCalls::Ignored } else { SlowCalls::Counted }
    }

    #[inline]
    const fn words(self) -> usize {
        (self.0 >> 11 & Self::WORDS) as usize
    }

    #[inline]
    const fn block(self) -> slots::Block {
        self.0 >> 3 & 0xff
    }

    #[inline]
    const fn size(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

fn words_for(span: Option<SlidingWindow>, slow_calls: SlowCalls) -> usize {
    match span {
        None => 0,
        Some(SlidingWindow(Span::Calls(calls))) => CountRing::words_for(calls, slow_calls),
        Some(SlidingWindow(Span::Time { buckets, .. })) => {
            TimeRing::words_for(buckets, slow_calls.classes())
        }
    }
}
