//! What few settings ask of a recorder, made when they first do.

use std::time::Duration;

use crate::engine::record::recorder::packed::{load, lower, pair, upper};
use crate::engine::record::recorder::run;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::confidence::Threshold;
use crate::engine::rules::settings::Settings;
use crate::engine::time::nanos;
use crate::engine::window::slots::{Block, Slots};
use crate::sync::{AtomicU64, Ordering};

/// Runs of kinds, and limits that no success is held against; 0 where there is no such rule.
#[derive(Debug)]
pub(in crate::engine::record) struct Rare {
    /// For each rule about one kind of failure: the kind's hash, its limit, its run, when the run
    /// began, and for how long it is to last.
    kinds: Slots,
    /// How many rules are about one kind, and in which block of `kinds` they are.
    kind_rules: AtomicU64,
    /// A [`Threshold`].
    confident: AtomicU64,
    abandoned_after: AtomicU64,
}

impl Rare {
    /// Whether `settings` ask for any of it.
    pub(super) fn is_asked_for(settings: &Settings) -> bool {
        settings.abandoned_after.is_some()
            || kind_rules(settings) > 0
            || threshold(settings).is_some()
    }

    /// Makes room for `settings`: [`configure`](Self::configure) comes next.
    pub(in crate::engine::record) fn new(settings: &Settings) -> Self {
        Self {
            kinds: Slots::new(kind_rules(settings).saturating_mul(WORDS_PER_KIND)),
            kind_rules: AtomicU64::new(0),
            confident: AtomicU64::new(0),
            abandoned_after: AtomicU64::new(0),
        }
    }

    /// Takes over `settings`. The caller holds the machine's lock.
    pub(super) fn configure(&self, settings: &Settings) {
        let kinds = kind_rules(settings);
        let block = self.kinds.make_room(kinds.saturating_mul(WORDS_PER_KIND));
        let words = self.kinds.words(block).chunks(WORDS_PER_KIND);
        for (words, (own_kind, failures, least)) in words.zip(runs_of_kinds(settings)) {
            if let [kind, limit, _, _, lasting] = words {
                // Relaxed, all three: published with the epoch, by the Release in
                // `Machine::publish`, as are all numbers here.
                kind.store(hash(own_kind), Ordering::Relaxed);
                limit.store(failures.into(), Ordering::Relaxed);
                lasting.store(run::word(least), Ordering::Relaxed);
            }
        }
        let number = u64::try_from(kinds).unwrap_or(u64::MAX);
        let confident = threshold(settings).map_or(0, Threshold::bits);
        // Relaxed, all three: published with the epoch; what a stale call does by them is cleared
        // with its tag.
        self.kind_rules.store(pair(number, block), Ordering::Relaxed);
        self.confident.store(confident, Ordering::Relaxed);
        self.abandoned_after.store(settings.abandoned_after.map_or(0, nanos), Ordering::Relaxed);
    }

    /// The words of each rule about one kind.
    #[expect(clippy::cast_possible_truncation, reason = "the length of a Vec of rules")]
    pub(super) fn kind_words(&self) -> std::slice::ChunksExact<'_, AtomicU64> {
        let rules = load(&self.kind_rules);
        let (number, block): (u64, Block) = (lower(rules), upper(rules));
        let words = if number == 0 { &[] } else { self.kinds.words(block) };
        let used = (number as usize).saturating_mul(WORDS_PER_KIND).min(words.len());
        words.get(..used).unwrap_or(&[]).chunks_exact(WORDS_PER_KIND)
    }

    /// The limit of the failure rate that must be certain.
    pub(super) fn confident(&self) -> u64 {
        load(&self.confident)
    }

    /// From how many nanoseconds on a dropped call is a failure.
    pub(super) fn abandoned_after(&self) -> u64 {
        load(&self.abandoned_after)
    }
}

/// The number of rules that are about one kind.
pub(super) fn kind_rules(settings: &Settings) -> usize {
    runs_of_kinds(settings).count()
}

/// The rules about one kind each: the kind, the failures, and how long they are to last.
fn runs_of_kinds(settings: &Settings) -> impl Iterator<Item = (&str, u32, Option<Duration>)> {
    settings.rules.iter().filter_map(|rule| match &rule.condition {
        Condition::ConsecutiveFailures { failures, kind: Some(kind), lasting } => {
            Some((&**kind, *failures, *lasting))
        }
        _ => None,
    })
}

fn threshold(settings: &Settings) -> Option<Threshold> {
    settings.rules.iter().find_map(|rule| match rule.condition {
        Condition::FailureRateConfident { rate, confidence } => {
            Some(Threshold::new(rate, confidence, settings.window_length()))
        }
        _ => None,
    })
}

const WORDS_PER_KIND: usize = 5;

/// FNV-1a, so that the call path can distinguish kinds by one word. It is taken for granted that no
/// two of the few kinds of one circuit share all 64 bits.
pub(super) fn hash(kind: &str) -> u64 {
    kind.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
