//! Points of equal length, the last few of them.

use std::time::Duration;

/// What is gathered into one point.
pub(super) trait Gather: Default {
    /// What is kept of it.
    type Kept: Copy;

    /// One look more.
    type Look;

    fn add(&mut self, look: &Self::Look);

    fn kept(&self) -> Self::Kept;
}

/// The last `N` points of `length` each, and the one that is being gathered.
///
/// Points stand at fixed moments: a look belongs to the point whose time it falls into. A point into
/// whose time no look fell is a hole.
#[derive(Debug)]
pub(super) struct Points<G: Gather, const N: usize> {
    length: Duration,
    kept: Box<[Option<G::Kept>; N]>,
    /// The number of the point that is being gathered.
    current: u64,
    gathered: G,
}

impl<G: Gather, const N: usize> Points<G, N> {
    pub(super) fn new(length: Duration, at: Duration) -> Self {
        let current = number_at(at, length);
        Self { length, kept: Box::new([None; N]), current, gathered: G::default() }
    }

    /// Adds a look at the time `at`, which comes after `took` without one. What happened before the
    /// point began, and in no point next to it, is in none.
    pub(super) fn add(&mut self, at: Duration, took: Duration, look: &G::Look) {
        let number = number_at(at, self.length);
        if number != self.current {
            self.move_on_to(number);
        }
        if !is_of_point(took, self.length) {
            return;
        }
        self.gathered.add(look);
        let kept = self.gathered.kept();
        if let Some(place) = self.place(number) {
            *place = Some(kept);
        }
    }

    fn move_on_to(&mut self, number: u64) {
        let skipped = number.saturating_sub(self.current).min(Self::len());
        for hole in 0..skipped {
            if let Some(place) = self.place(number.saturating_sub(hole)) {
                *place = None;
            }
        }
        (self.current, self.gathered) = (number, G::default());
    }

    /// The points up to the time `at`, the oldest first.
    pub(super) fn until(&self, at: Duration) -> impl Iterator<Item = Option<G::Kept>> + '_ {
        let last = number_at(at, self.length);
        let numbers = (0..Self::len()).rev().map(move |back| last.checked_sub(back));
        numbers.map(move |number| {
            let number = number?;
            let is_known = number <= self.current && self.current - number < Self::len();
            self.kept.get(Self::index(number)).copied().flatten().filter(|_| is_known)
        })
    }

    fn place(&mut self, number: u64) -> Option<&mut Option<G::Kept>> {
        self.kept.get_mut(Self::index(number))
    }

    fn index(number: u64) -> usize {
        usize::try_from(number % Self::len()).unwrap_or(0)
    }

    fn len() -> u64 {
        u64::try_from(N).unwrap_or(u64::MAX)
    }
}

/// Whether what came in the time before a look is of its point, and not of a hole. A first look says
/// nothing of what came before it.
pub(super) fn is_of_point(took: Duration, length: Duration) -> bool {
    !took.is_zero() && took <= length.saturating_add(LATE)
}

pub(super) fn number_at(at: Duration, length: Duration) -> u64 {
    u64::try_from(at.as_millis() / length.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// A look may come a little late, and is no hole for that.
const LATE: Duration = Duration::from_secs(1);
