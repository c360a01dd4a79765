//! What holds of any calls, and of any log.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tower_circuit_breaker::{CircuitConfig, CircuitState, FailureKind, Outcome};

use crate::bench::Bench;
use crate::call::{Call, parse_outcome};
use crate::log::{Log, LogError};
use crate::order::Ordered;
use crate::settings::{BUILT_IN, read as read_settings};
use crate::timeline::Timeline;
use crate::truth::{Guess, Truth, Turn};

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Success),
        4 => Just(Outcome::Failure(FailureKind::OTHER)),
        1 => Just(Outcome::Ignored),
        1 => Just(Outcome::NotSent),
    ]
}

/// Calls in order, of which many overlap. Some fail for a while.
fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = (0..2_000_u64, 0..9_000_u64, outcomes(), any::<bool>());
    vec(call, 0..400).prop_map(|calls| {
        let mut at = Duration::from_secs(1_000);
        let mut fails = false;
        let call = |(gap, took, outcome, turns): (u64, u64, Outcome, bool)| {
            at += Duration::from_millis(gap);
            fails ^= turns && gap < 100;
            let outcome = if fails { Outcome::Failure(FailureKind::OTHER) } else { outcome };
            Call { at, took: Duration::from_millis(took), outcome }
        };
        calls.into_iter().map(call).collect()
    })
}

fn played(calls: &[Call], settings: &[(String, CircuitConfig)]) -> Bench {
    let mut bench = Bench::new(settings, Truth::Guessed(Guess::default()));
    for call in calls {
        bench.play(call).unwrap();
    }
    bench.finish();
    bench
}

fn read(bytes: &[u8]) -> Result<Vec<Call>, LogError> {
    Ordered::new(Log::new(bytes), Duration::ZERO).collect()
}

fn number(number: impl TryInto<u64>) -> u64 {
    number.try_into().ok().unwrap()
}

proptest! {
    #[test]
    fn every_call_is_counted_once_and_as_the_circuit_counts_it(calls in calls()) {
        let bench = played(&calls, &read_settings(&[], BUILT_IN).unwrap());

        for lane in &bench.lanes {
            let (figures, totals) = (&lane.figures, lane.circuit.snapshot().totals);
            prop_assert_eq!(figures.admitted + figures.rejected, number(calls.len()));
            prop_assert_eq!(figures.saved + figures.lost, figures.rejected);
            prop_assert_eq!(figures.rejected, totals.rejected);
            prop_assert_eq!(figures.trips, totals.trips);
            prop_assert!(figures.false_trips <= figures.trips);
            let ended = totals.successes + totals.failures + totals.ignored + totals.not_sent + totals.stale;
            prop_assert_eq!(ended, figures.admitted);
            prop_assert_eq!(totals.abandoned, 0);
        }
    }

    #[test]
    fn a_circuit_that_never_opens_loses_and_saves_nothing(calls in calls()) {
        let never = "consecutive_failures = 4294967295";
        let bench = played(&calls, &[("never".to_owned(), toml::from_str(never).unwrap())]);

        let figures = &bench.lanes[0].figures;
        let failed = calls.iter().filter(|call| call.has_failed()).count();
        prop_assert_eq!((figures.lost, figures.saved, figures.trips), (0, 0, 0));
        prop_assert_eq!(figures.failed, number(failed));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300), head in 0..3_usize) {
        let heads = ["", "time,latency,outcome\n", "{\"time\":1,\"latency\":1,\"outcome\":\"ok\"}\n"];
        let log = [heads[head].as_bytes(), &bytes].concat();

        if let Err(error) = read(&log) {
            let lines: Vec<_> = log.split_inclusive(|byte| *byte == b'\n').collect();
            let line = lines.get(usize::try_from(error.line).unwrap() - 1);
            prop_assert!(line.is_some_and(|line| error.column <= line.len() + 1), "{}", error);
        }
    }

    #[test]
    fn lines_of_words_are_read_or_refused(lines in vec("[\",.:0-9a-z{}µ -]{0,30}", 0..9)) {
        let log = format!("time,latency,outcome\n{}", lines.join("\n"));

        let _ = read(log.as_bytes());
        let _ = read(lines.join("\n").as_bytes());
    }

    #[test]
    fn an_error_is_found_where_it_was_planted(
        lines in 1..30_usize, at in any::<u16>(), field in 0..3_usize, is_json in any::<bool>(),
    ) {
        let at = usize::from(at) % lines;
        let mut log = if is_json { String::new() } else { "more,time,latency,outcome\n".to_owned() };
        let mut column = 0;
        for line in 0..lines {
            let mut values = [format!("{line}.5"), "250ms".to_owned(), "success".to_owned()];
            if line == at {
                "wrong".clone_into(&mut values[field]);
            }
            let names = ["time", "latency", "outcome"];
            let mut text = if is_json { "{\"more\": [1, \"µ\"]".to_owned() } else { "\"a, b\"".to_owned() };
            for (index, (name, value)) in names.iter().zip(values).enumerate() {
                text += &if is_json { format!(", \"{name}\": \"") } else { ", ".to_owned() };
                if line == at && index == field {
                    column = text.len() + 1;
                }
                text += &value;
                text += if is_json { "\"" } else { "" };
            }
            log += &format!("{text}{}\n", if is_json { "}" } else { "" });
        }

        let error = read(log.as_bytes()).unwrap_err();

        let line = at + 1 + usize::from(!is_json);
        prop_assert_eq!((error.line, error.column), (number(line), column), "{}", log);
    }

    #[test]
    fn calls_come_in_order_when_none_is_too_late(gaps in vec((0..50_u64, 0..1_000_u64), 1..200)) {
        let mut at = 10_000;
        let calls: Vec<_> = gaps.iter().map(|(gap, late)| {
            at += gap;
            let at = Duration::from_millis(at - late);
            Call { at, took: Duration::ZERO, outcome: Outcome::Success }
        }).collect();

        let read = calls.iter().map(|call| Ok((*call, 1, 1)));
        let ordered = Ordered::new(read, Duration::from_secs(1)).map(|call| call.unwrap().at);
        let ordered: Vec<_> = ordered.collect();

        let mut sorted: Vec<_> = calls.iter().map(|call| call.at).collect();
        sorted.sort();
        prop_assert_eq!(ordered, sorted);
    }

    #[test]
    fn a_timeline_loses_no_call_and_no_time(spans in vec((0..90_000_u64, 0..900_000_u64), 1..60)) {
        let mut timeline = Timeline::new(1);
        let mut now = Duration::ZERO;
        let mut open = Duration::ZERO;
        for (gap, length) in &spans {
            let from = now + Duration::from_millis(*gap);
            now = from + Duration::from_millis(*length);
            timeline.call(from, true);
            timeline.state(0, CircuitState::Open, from, now);
            open += now - from;
        }

        let calls: u64 = timeline.stretches.iter().map(|stretch| stretch.calls).sum();
        let drawn: Duration = timeline.stretches.iter().map(|stretch| stretch.lanes[0][0]).sum();
        prop_assert_eq!(calls, number(spans.len()));
        prop_assert_eq!(drawn, open);
        prop_assert!(timeline.stretches.len() <= 400);
        let fits = |stretch: &crate::timeline::Stretch| stretch.lanes[0][0] <= timeline.width;
        prop_assert!(timeline.stretches.iter().all(fits));
    }
}

#[test]
fn an_outage_is_guessed_from_twelve_failures_among_thirty_calls_until_three() {
    let mut truth = Truth::Guessed(Guess::default());
    let turns: Vec<_> = (0..300)
        .filter_map(|second| {
            let fails = [40..51, 100..200, 210..214].iter().any(|part| part.contains(&second));
            let outcome =
                if fails { Outcome::Failure(FailureKind::OTHER) } else { Outcome::Success };
            truth.turn_by(&at(second, outcome))
        })
        .collect();

    let seconds = Duration::from_secs;
    assert_eq!(turns, [Turn::Ill(seconds(100)), Turn::Well(seconds(214))]);
}

#[test]
fn outcomes_are_words_or_statuses() {
    let failure = |kind| Some(Outcome::Failure(FailureKind::new(kind)));
    let cases = [
        ("ok", Some(Outcome::Success)),
        ("100", Some(Outcome::Success)),
        ("499", Some(Outcome::Success)),
        ("500", failure("status")),
        ("599", failure("status")),
        ("600", None),
        ("99", None),
        ("error", failure("other")),
        ("timeout", failure("timeout")),
        ("connect", failure("connect")),
        ("ignored", Some(Outcome::Ignored)),
        ("not_sent", Some(Outcome::NotSent)),
        ("Success", None),
        ("", None),
    ];
    for (text, outcome) in cases {
        assert_eq!(parse_outcome(text), outcome, "{text}");
    }
}

fn at(seconds: u64, outcome: Outcome) -> Call {
    Call { at: Duration::from_secs(seconds), took: Duration::ZERO, outcome }
}

fn settings(text: &str) -> [(String, CircuitConfig); 1] {
    [("it".to_owned(), toml::from_str(text).unwrap())]
}

#[test]
fn times_of_a_scenario_count_from_its_beginning() {
    let truth = Truth::Known([Turn::Ill(Duration::from_secs(10))].into());
    let mut bench = Bench::new(&settings("consecutive_failures = 3"), truth);

    for second in 9..20 {
        let failure = Outcome::Failure(FailureKind::OTHER);
        let outcome = if second < 10 { Outcome::Success } else { failure };
        bench.play(&at(second, outcome)).unwrap();
    }
    bench.finish();

    assert_eq!(bench.lanes[0].figures.to_open.get(), Some(Duration::from_secs(2)));
}

#[test]
fn a_circuit_that_closes_before_the_end_is_guessed_closed_in_time() {
    let calls: Vec<_> = (0..300)
        .map(|second| match second {
            100..200 => at(second, Outcome::Failure(FailureKind::OTHER)),
            _ => at(second, Outcome::Success),
        })
        .collect();

    let bench = played(&calls, &settings("consecutive_failures = 3\nopen_for = \"1s\""));

    let figures = &bench.lanes[0].figures;
    assert_eq!((figures.trips, figures.false_trips), (1, 0));
    assert_eq!(figures.to_close.get(), Some(Duration::ZERO));
}

#[test]
fn no_more_than_a_million_calls_are_held_back() {
    let calls = (1..=1_100_000).map(|line| Ok((at(line, Outcome::Success), line, 1)));

    let refused = Ordered::new(calls, Duration::from_secs(2_000_000)).find_map(Result::err);

    assert_eq!(refused.unwrap().line, 1_000_001);
}
