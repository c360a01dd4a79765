use crate::engine::outcome::FailureKind;
use crate::engine::record::kinds::{KindCounts, MOST_KINDS};
use crate::engine::time::Timestamp;

const CONNECT: FailureKind = FailureKind::new("connect");

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

#[test]
fn the_last_failure_is_the_one_that_ended_last() {
    let kinds = KindCounts::new();
    assert_eq!(kinds.last(), None);

    kinds.add(FailureKind::OTHER, at(0));
    assert_eq!(kinds.last(), Some((FailureKind::OTHER, at(0))));
    kinds.add(CONNECT, at(640));
    kinds.add(FailureKind::PANIC, at(320));
    assert_eq!(kinds.last(), Some((CONNECT, at(640))));
    kinds.add(FailureKind::OTHER, at(u64::MAX));
    assert_eq!(kinds.last().map(|(kind, _)| kind), Some(FailureKind::OTHER));
}

#[test]
fn the_last_of_more_kinds_than_are_counted_is_other() {
    const NAMES: [&str; MOST_KINDS + 1] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
    let kinds = KindCounts::new();

    for (time, name) in (1..).zip(NAMES) {
        kinds.add(FailureKind::new(name), at(time * 1000));
        let expected = if name == "q" { FailureKind::OTHER } else { FailureKind::new(name) };
        assert_eq!(kinds.last().map(|(kind, _)| kind), Some(expected));
    }
}

#[test]
fn a_text_is_that_of_the_failure_that_ended_last_and_of_no_other() {
    let kinds = KindCounts::new();
    assert_eq!(kinds.text_at(at(0)), None);
    kinds.keep_text(Vec::new());
    let fail = |nanos, text: &str| {
        let held = kinds.text().unwrap().hold();
        kinds.add(CONNECT, at(nanos));
        held.keep(at(nanos), Some(text.into()));
    };
    let text = || kinds.text_at(kinds.last()?.1);
    assert_eq!(text(), None);

    fail(640, "a");
    assert_eq!(text().as_deref(), Some("a"));
    fail(320, "recorded later, ended before");
    assert_eq!(text().as_deref(), Some("a"));
    kinds.add(CONNECT, at(320));
    assert_eq!(text().as_deref(), Some("a"));
    fail(640, "b");
    assert_eq!(text().as_deref(), Some("b"));
    kinds.text().unwrap().hold().keep(at(960), Some("stale".into()));
    assert_eq!(text().as_deref(), Some("b"));
    kinds.add(CONNECT, at(640));
    assert_eq!(text(), None);
}

#[test]
fn a_failure_without_a_text_between_two_others_leaves_none() {
    let kinds = KindCounts::new();
    kinds.keep_text(Vec::new());

    let held = kinds.text().unwrap().hold();
    kinds.add(CONNECT, at(64));
    kinds.add(CONNECT, at(64));
    held.keep(at(64), Some("of which one?".into()));

    assert_eq!(kinds.text_at(at(64)), None);
}
