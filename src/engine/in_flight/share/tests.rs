#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests"
)]

use std::time::Duration;

use crate::engine::in_flight::share::{AdmissionShare, Share};
use crate::engine::outcome::EndedCall;
use crate::engine::rules::backoff::JitterRng;
use crate::engine::rules::settings::{Settings, Throttle};
use crate::engine::state::Tag;
use crate::engine::time::Timestamp;

const TAG: Tag = Tag::of(1);

fn admission_share(set: impl FnOnce(&mut Settings)) -> AdmissionShare {
    odds_with(set, 7)
}

fn odds_with(set: impl FnOnce(&mut Settings), seed: u64) -> AdmissionShare {
    let mut settings = Settings::without_rules();
    set(&mut settings);
    let admission_share = AdmissionShare::new(&settings, seed);
    admission_share.configure(&settings);
    admission_share.restart(TAG, Timestamp::ZERO);
    admission_share
}

fn ramping(ramp: Duration) -> AdmissionShare {
    admission_share(|settings| settings.ramp = Some(ramp))
}

fn throttled(k: f64) -> AdmissionShare {
    throttled_with(k, 7)
}

fn throttled_with(k: f64, seed: u64) -> AdmissionShare {
    odds_with(|settings| settings.throttle = Throttle::new(k), seed)
}

fn is_about(share: Share, expected: f64) -> bool {
    (share.as_f64() - expected).abs() < 1e-6
}

#[test]
fn a_ramp_goes_from_a_tenth_to_all() {
    let ramp = Duration::from_secs(10);
    let admission_share = ramping(ramp);

    for (left, share) in [(10, 0.1), (9, 0.19), (5, 0.55), (1, 0.91), (0, 1.0), (11, 0.1)] {
        let ramped = admission_share.ramped(Duration::from_secs(left));
        assert!(is_about(ramped, share), "{left} s left: {ramped:?}");
    }
}

/// Of any length, it only rises, from a tenth to all.
#[test]
fn a_ramp_only_rises() {
    let mut jitter = JitterRng::new(1);
    for _ in 0..2_000 {
        let ramp = Duration::from_nanos((jitter.roll() >> (jitter.roll() % 64)).max(1));
        let admission_share = ramping(ramp);
        let mut left: Vec<_> = (0..50)
            .map(|_| {
                Duration::from_nanos(jitter.roll() % super::nanos(ramp).saturating_add(1).max(1))
            })
            .chain([ramp, Duration::ZERO])
            .collect();
        left.sort_unstable();

        let shares: Vec<_> = left.iter().rev().map(|left| admission_share.ramped(*left)).collect();

        assert!(shares.is_sorted(), "{ramp:?}: {left:?}, {shares:?}");
        assert!(is_about(shares[0], 0.1), "{ramp:?}: {shares:?}");
        assert_eq!(shares.last(), Some(&Share::ALL), "{ramp:?}");
    }
}

/// Against the formula as the book has it, in floating point.
#[test]
fn the_throttle_is_that_of_the_book() {
    let mut jitter = JitterRng::new(2);
    for _ in 0..300 {
        let k = 1.0 + (jitter.roll() % 3_000) as f64 / 1_000.0;
        let admission_share = throttled(k);
        let (mut requests, mut accepts) = (0.0, 0.0);
        for _ in 0..jitter.roll() % 200 {
            let is_accepted = jitter.roll() % 3 == 0;
            let ended = if is_accepted { EndedCall::SUCCESS } else { EndedCall::FAILURE };
            admission_share.tried(TAG, ended, || Timestamp::ZERO);
            requests += 1.0;
            accepts += f64::from(u8::from(is_accepted));

            let rejected = ((requests - k * accepts) / (requests + 1.0)).max(0.0);

            let share = admission_share.throttled(TAG, Timestamp::ZERO);
            assert!(is_about(share, 1.0 - rejected), "{requests}, {accepts}, {k}: {share:?}");
        }
    }
}

#[test]
fn what_was_tried_two_minutes_ago_no_longer_counts() {
    let admission_share = throttled(2.0);
    for _ in 0..9 {
        admission_share.tried(TAG, EndedCall::FAILURE, || Timestamp::ZERO);
    }
    let later = |seconds| Timestamp::ZERO.after(Duration::from_secs(seconds));

    assert!(is_about(admission_share.throttled(TAG, later(109)), 0.1));
    assert_eq!(admission_share.throttled(TAG, later(120)), Share::ALL);
    assert_eq!(
        admission_share.throttled(Tag::of(2), later(0)),
        Share::ALL,
        "nor what another epoch tried"
    );
}

#[test]
fn nothing_is_throttled_that_is_not_set_to() {
    let admission_share = admission_share(|_| ());
    admission_share.tried(TAG, EndedCall::FAILURE, || Timestamp::ZERO);

    assert!(!admission_share.has_throttle());
    assert_eq!(admission_share.throttled(TAG, Timestamp::ZERO), Share::ALL);
    assert_eq!(admission_share.ramped(Duration::from_secs(1)), Share::ALL);
}

/// By six standard deviations of 100,000 draws.
#[test]
fn as_many_are_admitted_as_the_share_says() {
    let admission_share = ramping(Duration::from_secs(1));
    for share in [Share(0), Share(Share::ALL.0 / 10), Share(Share::ALL.0 / 2), Share::ALL] {
        let admitted = (0..100_000).filter(|_| admission_share.admits(share)).count();

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

/// Calls at a fixed rate to an upstream that is down for a while: how many seconds it then takes
/// until all of a second's calls are admitted but for one in a hundred.
fn time_to_recover(k: f64, rate: u64, outage: u64, seed: u64) -> u64 {
    let admission_share = throttled_with(k, seed);
    let at = |call: u64| Timestamp::from_nanos(call * (1_000_000_000 / rate));
    let down = rate * 130..rate * (130 + outage);
    let (mut share, mut held_back, mut of) = (Share::ALL, 0, 0);
    for call in 0.. {
        // A hundred times a second is often enough.
        if call % (rate / 100).max(1) == 0 {
            share = admission_share.throttled(TAG, at(call));
        }
        let is_admitted = admission_share.admits(share);
        let is_accepted = is_admitted && !down.contains(&call);
        let ended = if is_accepted { EndedCall::SUCCESS } else { EndedCall::FAILURE };
        admission_share.tried(TAG, ended, || at(call));
        if call == down.end {
            (held_back, of) = (0, 0);
        }
        (held_back, of) = (held_back + u64::from(!is_admitted), of + 1);
        if of == rate.max(100) {
            if call > down.end && held_back * 100 <= of {
                return (call - down.end) / rate;
            }
            (held_back, of) = (0, 0);
        }
    }
    unreachable!("calls without end")
}

/// The table in the documentation of `CircuitBuilder::throttle`: how many minutes it takes about,
/// in the middle of some circuits. Of three minutes of outage no more is looked back to than of an
/// hour.
#[test]
fn all_calls_are_admitted_again_within_minutes_after_an_outage_of_any_length() {
    let table = [
        (1.1, [(10, 1, 1), (10, 10, 4), (10, 60, 4), (1_000, 1, 1), (1_000, 3, 9)]),
        (1.5, [(10, 1, 1), (10, 10, 4), (10, 60, 4), (1_000, 1, 1), (1_000, 3, 7)]),
        (2.0, [(10, 1, 1), (10, 10, 5), (10, 60, 5), (1_000, 1, 1), (1_000, 3, 8)]),
    ];
    for (k, cases) in table {
        for (rate, outage, minutes) in cases {
            let seeds = if rate == 10 { 0..9 } else { 0..1 };
            let time = |seed| time_to_recover(k, rate, 60 * outage, seed);
            let mut times: Vec<_> = seeds.map(time).collect();
            times.sort_unstable();

            let median = times[times.len() / 2];

            let at_most = 60 * minutes * 5 / 4;
            assert!(median <= at_most, "{k}, {rate}/s, after {outage} min: {times:?} s");
        }
    }
}

/// A throttle never holds more calls back than that of the book.
#[test]
fn the_newest_calls_only_ever_admit_more() {
    let admission_share = throttled(1.5);
    let mut jitter = JitterRng::new(3);
    let (mut now, mut tried) = (Timestamp::ZERO, Vec::new());
    for _ in 0..3_000 {
        now = now.after(Duration::from_millis(jitter.roll() % 200));
        let well = if tried.len() / 300 % 2 == 0 { 90 } else { 5 };
        let is_accepted = jitter.roll() % 100 < well;
        let ended = if is_accepted { EndedCall::SUCCESS } else { EndedCall::FAILURE };
        admission_share.tried(TAG, ended, || now);
        // By the bucket, of ten seconds.
        let bucket = |time: Timestamp| time.as_nanos() / 10_000_000_000;
        tried.push((bucket(now), is_accepted));
        let live = tried.iter().filter(|(of, _)| of + 12 > bucket(now));
        let (requests, accepts) = live.fold((0.0, 0.0), |(requests, accepts), (_, accepted)| {
            (requests + 1.0, accepts + f64::from(u8::from(*accepted)))
        });

        let share = admission_share.throttled(TAG, now).as_f64();

        let book = 1.0 - ((requests - 1.5 * accepts) / (requests + 1.0)).max(0.0);
        assert!(share > book - 1e-6, "{share}, and {book} by the book");
    }
}

#[test]
fn the_newest_calls_decide_where_they_are_fifty() {
    for (accepted, share) in [(49, (1.1 * 49.0 + 1.0) / 150.0), (50, 1.0)] {
        let admission_share = throttled(1.1);
        (0..100).for_each(|_| admission_share.tried(TAG, EndedCall::FAILURE, || Timestamp::ZERO));
        let later = |seconds| Timestamp::ZERO.after(Duration::from_secs(seconds));
        (0..accepted).for_each(|_| admission_share.tried(TAG, EndedCall::SUCCESS, || later(10)));

        assert!(is_about(admission_share.throttled(TAG, later(20)), share), "{accepted} calls");
    }
}
