//! Random settings and random scripts.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tower_circuit_breaker::Outcome;
use tower_circuit_breaker_test::model::{
    Command, KINDS, KindRule, MOST_STEPS, SURE, Settings, Share, Step, Window,
};

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let kind = || option::of((1..5_u32, option::of(time())));
    let rules = (
        option::of(1..8_u32),
        option::of(share()),
        option::weighted(0.3, (share_below_one(), select(&SURE[..]))),
        option::of((share(), time())),
        option::of(1..12_u32),
        option::of((1..6_u32, time())),
        [kind(), kind()],
        [option::of(time()), option::of(time())],
    );
    let rest = (
        window(),
        1..15_u32,
        (time(), time()),
        (1..4_u32, 1..4_u32, 0..3_u32),
        (option::of(time()), option::of(time()), time()),
    );
    (rules, rest).prop_map(|(rules, rest)| {
        let (consecutive, failure_rate, failure_rate_confident, ..) = rules;
        let (.., slow, failure_count, stalled, kinds, lasting) = rules;
        let (window, minimum_calls, (first_open, longest_open), probing, times) = rest;
        Settings {
            consecutive,
            lasting: lasting[0].filter(|_| consecutive.is_some()),
            failure_rate,
            failure_rate_confident,
            slow,
            failure_count,
            stalled,
            kinds: KindRule::of_kinds(kinds)
                .into_iter()
                .map(|rule| KindRule { lasting: lasting[1], ..rule })
                .collect(),
            window: Some(window),
            minimum_calls,
            first_open,
            longest_open: longest_open.max(first_open),
            probes: probing.0,
            concurrent_probes: probing.1,
            failed_probes_allowed: probing.2,
            probe_timeout: times.0,
            abandoned_after: times.1,
            max_trip_for: times.2,
            ..Settings::default()
        }
    })
}

pub(crate) fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 20..=MOST_STEPS)
}

/// In boxes: without, each step of a script would take as much memory as the largest of them could, and
/// to move it would take longer than all the rest.
fn step() -> impl Strategy<Value = Step> {
    let finish = |(call, outcome)| Step::Finish(call, outcome);
    prop_oneof![
        12 => Just(Step::Admit),
        12 => (any::<usize>(), outcome()).prop_map(finish).boxed(),
        3 => any::<usize>().prop_map(Step::Drop),
        1 => Just(Step::Panic),
        20 => outcome().prop_map(Step::Call).boxed(),
        8 => pause().prop_map(Step::Advance).boxed(),
        2 => command().prop_map(Step::Command).boxed(),
        1 => settings().prop_map(|settings| Step::Reconfigure(Box::new(settings))).boxed(),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => Just(Command::Trip),
        1 => pause().prop_map(Command::TripFor),
        2 => Just(Command::Reset),
        1 => Just(Command::ForceOpen),
        1 => Just(Command::ForceClosed),
        1 => Just(Command::Observe),
        1 => pause().prop_map(Command::ForceOpenFor),
        1 => pause().prop_map(Command::ForceClosedFor),
        1 => pause().prop_map(Command::ObserveFor),
        4 => Just(Command::Release),
    ]
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Success),
        6 => (0..KINDS.len()).prop_map(|kind| Outcome::Failure(KINDS[kind])),
        2 => Just(Outcome::Ignored),
        2 => Just(Outcome::NotSent),
        1 => pause().prop_map(Outcome::TripFor),
    ]
}

fn pause() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0..1_000_000_u64).prop_map(Duration::from_nanos),
        6 => (0..3_000_u64).prop_map(Duration::from_millis),
        3 => (0..120_u64).prop_map(Duration::from_secs),
        1 => (0..5_184_000_u64).prop_map(Duration::from_secs), // 60 days
    ]
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        (1..45_u32).prop_map(Window::Calls),
        (1..12_u32, time()).prop_map(|(buckets, width)| Window::Time(buckets, width)),
    ]
}

fn share() -> impl Strategy<Value = Share> {
    let shares = (1..=10_u32).prop_flat_map(|whole| (1..=whole, Just(whole)));
    shares.prop_map(|(part, whole)| Share { part, whole })
}

fn share_below_one() -> impl Strategy<Value = Share> {
    let shares = (2..=10_u32).prop_flat_map(|whole| (1..whole, Just(whole)));
    shares.prop_map(|(part, whole)| Share { part, whole })
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..50_u64).prop_map(Duration::from_millis),
        (1..90_u64).prop_map(Duration::from_secs)
    ]
}
