#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests"
)]

use std::time::Duration;

use crate::engine::backoff::Dice;
use crate::engine::odds::{Odds, Share};
use crate::engine::outcome::Verdict;
use crate::engine::settings::{Settings, Throttle};
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;

const TAG: Tag = Tag::of(1);

fn odds(set: impl FnOnce(&mut Settings)) -> Odds {
    let mut settings = Settings::without_rules();
    set(&mut settings);
    let odds = Odds::new(&settings, 7);
    odds.configure(&settings);
    odds.restart(TAG, Timestamp::ZERO);
    odds
}

fn ramping(ramp: Duration) -> Odds {
    odds(|settings| settings.ramp = Some(ramp))
}

fn throttled(k: f64) -> Odds {
    odds(|settings| settings.throttle = Throttle::new(k))
}

fn is_about(share: Share, expected: f64) -> bool {
    (share.as_f64() - expected).abs() < 1e-6
}

#[test]
fn a_ramp_goes_from_a_tenth_to_all() {
    let ramp = Duration::from_secs(10);
    let odds = ramping(ramp);

    for (left, share) in [(10, 0.1), (9, 0.19), (5, 0.55), (1, 0.91), (0, 1.0), (11, 0.1)] {
        let ramped = odds.ramped(Duration::from_secs(left));
        assert!(is_about(ramped, share), "{left} s left: {ramped:?}");
    }
}

/// Of any length, it only rises, from a tenth to all.
#[test]
fn a_ramp_only_rises() {
    let mut dice = Dice::new(1);
    for _ in 0..2_000 {
        let ramp = Duration::from_nanos((dice.roll() >> (dice.roll() % 64)).max(1));
        let odds = ramping(ramp);
        let mut left: Vec<_> = (0..50)
            .map(|_| {
                Duration::from_nanos(dice.roll() % super::nanos(ramp).saturating_add(1).max(1))
            })
            .chain([ramp, Duration::ZERO])
            .collect();
        left.sort_unstable();

        let shares: Vec<_> = left.iter().rev().map(|left| odds.ramped(*left)).collect();

        assert!(shares.is_sorted(), "{ramp:?}: {left:?}, {shares:?}");
        assert!(is_about(shares[0], 0.1), "{ramp:?}: {shares:?}");
        assert_eq!(shares.last(), Some(&Share::ALL), "{ramp:?}");
    }
}

/// Against the formula as the book has it, in floating point.
#[test]
fn the_throttle_is_that_of_the_book() {
    let mut dice = Dice::new(2);
    for _ in 0..300 {
        let k = 1.0 + (dice.roll() % 3_000) as f64 / 1_000.0;
        let odds = throttled(k);
        let (mut requests, mut accepts) = (0.0, 0.0);
        for _ in 0..dice.roll() % 200 {
            let is_accepted = dice.roll() % 3 == 0;
            let verdict = if is_accepted { Verdict::Succeeded } else { Verdict::Failed };
            odds.tried(TAG, verdict, || Timestamp::ZERO);
            requests += 1.0;
            accepts += f64::from(u8::from(is_accepted));

            let rejected = ((requests - k * accepts) / (requests + 1.0)).max(0.0);

            let share = odds.throttled(TAG, Timestamp::ZERO);
            assert!(is_about(share, 1.0 - rejected), "{requests}, {accepts}, {k}: {share:?}");
        }
    }
}

#[test]
fn what_was_tried_two_minutes_ago_no_longer_counts() {
    let odds = throttled(2.0);
    for _ in 0..9 {
        odds.tried(TAG, Verdict::Failed, || Timestamp::ZERO);
    }
    let later = |seconds| Timestamp::ZERO.after(Duration::from_secs(seconds));

    assert!(is_about(odds.throttled(TAG, later(109)), 0.1));
    assert_eq!(odds.throttled(TAG, later(120)), Share::ALL);
    assert_eq!(odds.throttled(Tag::of(2), later(0)), Share::ALL, "nor what another epoch tried");
}

#[test]
fn nothing_is_throttled_that_is_not_set_to() {
    let odds = odds(|_| ());
    odds.tried(TAG, Verdict::Failed, || Timestamp::ZERO);

    assert!(!odds.has_throttle());
    assert_eq!(odds.throttled(TAG, Timestamp::ZERO), Share::ALL);
    assert_eq!(odds.ramped(Duration::from_secs(1)), Share::ALL);
}

/// By six standard deviations of 100,000 draws.
#[test]
fn as_many_are_admitted_as_the_share_says() {
    let odds = ramping(Duration::from_secs(1));
    for share in [Share(0), Share(Share::ALL.0 / 10), Share(Share::ALL.0 / 2), Share::ALL] {
        let admitted = (0..100_000).filter(|_| odds.admits(share)).count();

        let expected = share.as_f64() * 100_000.0;
        let deviation = (expected * (1.0 - share.as_f64())).sqrt();
        let off = (admitted as f64 - expected).abs();
        assert!(off <= 6.0 * deviation, "{share:?}: {admitted}");
    }
}

#[test]
fn shares_multiply() {
    let half = Share(Share::ALL.0 / 2);

    assert_eq!(half.times(half), Share(Share::ALL.0 / 4));
    assert_eq!(Share::ALL.times(half), half);
    assert_eq!(half.times(Share::ALL), half);
    assert_eq!(Share::ALL.times(Share::ALL), Share::ALL);
    assert_eq!(Share(0).times(half), Share(0));
}
