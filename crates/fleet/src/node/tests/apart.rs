//! Tests of a circuit whose fleet has lost its store: it is away, or refuses.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Backoff, ChangeReason, Circuit, CircuitState, ManualClock};

use crate::node::Node;
use crate::options::Options;
use crate::outbox::LocalChange;
use crate::reach::Reach;
use crate::request::{Ask, Reply, Request, Shown};
use crate::time::Timestamp;
use crate::word::Word;

const SECOND: Duration = Duration::from_secs(1);
pub(super) const HOLD: Duration = Duration::from_millis(500);

/// A process with one circuit, whose fleet has opened it for a second under the epoch 7.
pub(super) struct CutOff {
    clock: ManualClock,
    pub(super) now: Timestamp,
    pub(super) node: Node,
    pub(super) circuit: Circuit,
}

impl CutOff {
    pub(super) fn new() -> Self {
        Self::open_for(SECOND)
    }

    pub(super) fn open_for(time: Duration) -> Self {
        let clock = ManualClock::new();
        let circuit = Circuit::builder("api")
            .consecutive_failures(1)
            .open_backoff(Backoff::exponential(time, 100 * time).without_jitter())
            .clock(clock.clone())
            .build();
        let node =
            Node::new(Options { hold: HOLD, lease: None, vote_window: Duration::ZERO, seed: 0 });
        let mut process = Self { clock, now: Timestamp::ZERO, node, circuit };
        let millis = time.as_millis();
        process
            .hears(&format!("1 7 o {millis} {millis} 0 votes there"), millis.try_into().unwrap());
        process
    }

    /// As a link does, which sees to its circuits before it waits for anything again.
    pub(super) fn hears(&mut self, line: &str, left: u64) {
        self.node.heard(&self.circuit, Some(&Word::of(line, left)), self.now);
        self.attend(Reach::Up);
    }

    pub(super) fn wait(&mut self, millis: u64) {
        let time = Duration::from_millis(millis);
        self.clock.advance(time);
        self.now = self.now.after(time);
    }

    pub(super) fn attend(&mut self, link: Reach) {
        self.node.attend(|_| Some(self.circuit.clone()), link, self.now);
    }

    /// What a call to an upstream that is down comes to: whether it was admitted.
    pub(super) fn call(&self) -> bool {
        let rejected = self.circuit.snapshot().totals.rejected;
        let _ = self.circuit.run(|| Err::<(), _>("down"));
        self.circuit.snapshot().totals.rejected == rejected
    }

    pub(super) fn asks(&mut self) -> Vec<Request> {
        self.node.requests(9, self.now)
    }

    pub(super) fn answered(&mut self, request: &Request, reply: Option<(i64, i64)>) {
        let reply = reply.map(|(code, number)| Reply { code, number, ..Reply::default() });
        self.node.answered(&self.circuit, request, reply.as_ref(), self.now, self.now);
    }

    /// Asks for a lease, which somebody wants by now.
    pub(super) fn asks_for_a_lease(&mut self) -> Request {
        assert!(!self.call(), "it is open");
        self.attend(Reach::Up);
        let asked = self.asks();
        let lease = asked.iter().find(|request| matches!(request.ask, Ask::Lease { .. }));
        lease.unwrap_or_else(|| panic!("{asked:?}")).clone()
    }

    /// At the end of the fleet's open time, without its store.
    fn probes_by_itself(&mut self) {
        self.attend(Reach::Down);
        self.wait(1000);
        assert!(self.call());
    }

    fn left(&self) -> Duration {
        self.circuit.snapshot().retry_after.unwrap()
    }
}

/// What comes between the process and its store at the end of the fleet's open time, and what it
/// finds from then on.
const LOSSES: [(&str, fn(&mut CutOff), Reach); 5] = [
    ("away", |_| {}, Reach::Down),
    ("never heard of again", |process| drop(process.asks_for_a_lease()), Reach::Up),
    (
        "refusing",
        |process| {
            let asked = process.asks_for_a_lease();
            process.answered(&asked, None);
        },
        Reach::Up,
    ),
    (
        "away, with a lease held",
        |process| {
            let asked = process.asks_for_a_lease();
            process.answered(&asked, Some((1, 1)));
        },
        Reach::Down,
    ),
    (
        "silent, with a lease held",
        |process| {
            let asked = process.asks_for_a_lease();
            process.answered(&asked, Some((1, 1)));
            process.wait(1);
            process.attend(Reach::Up);
            process.asks_for_a_lease();
        },
        Reach::Up,
    ),
];

#[test]
fn the_open_time_after_a_failed_probe_stands_whatever_has_become_of_the_store() {
    for (loss, lose, link) in LOSSES {
        let mut process = CutOff::new();
        process.wait(999);
        lose(&mut process);
        process.wait(1);
        process.attend(link);
        process.wait(500);
        assert!(process.call(), "{loss}: it probes by itself");

        for millis in [0, 1, 500, 1000, 498] {
            process.wait(millis);
            process.attend(link);
            assert!(!process.call(), "{loss}: {:?} too soon", process.left());
        }
    }
}

#[test]
fn who_leaves_the_fleet_keeps_its_own_open_time() {
    let mut process = CutOff::new();
    process.probes_by_itself();

    process.node.leave(|_| Some(process.circuit.clone()), process.now);

    assert_eq!(process.left(), 2 * SECOND);
}

#[test]
fn a_store_that_is_gone_holds_no_circuit_past_what_it_said() {
    // Before the lease was asked for,
    let mut process = CutOff::new();
    process.wait(999);
    process.asks_nothing_and_is_held();
    process.attend(Reach::Down);
    assert_eq!(process.left(), Duration::from_millis(1));

    // when it was to be,
    let mut process = CutOff::new();
    process.wait(999);
    assert!(!process.call());
    process.attend(Reach::Up);
    process.attend(Reach::Down);
    assert_eq!(process.left(), Duration::from_millis(1));
    assert_eq!(process.asks(), [], "it is of no use later");

    // and when another had it.
    let mut process = CutOff::new();
    process.wait(999);
    let asked = process.asks_for_a_lease();
    process.answered(&asked, Some((0, 700)));
    process.attend(Reach::Down);
    assert_eq!(process.left(), Duration::from_millis(700));
    process.wait(700);
    assert!(process.call());
}

/// Whoever may write to the store may write a lease of a year, too.
#[test]
fn a_lease_is_believed_for_no_longer_than_was_asked_for() {
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
    for link in [Reach::Up, Reach::Down] {
        let mut process = CutOff::new();
        process.wait(999);
        let asked = process.asks_for_a_lease();
        let Ask::Lease { lasts, .. } = asked.ask else { panic!("asked for a lease") };
        process.answered(&asked, Some((0, YEAR)));

        process.attend(link);
        assert!(process.left() <= lasts + HOLD, "{:?} left", process.left());
        process.wait(u64::try_from(lasts.as_millis()).unwrap());
        match link {
            Reach::Up => {
                process.attend(link);
                let is_lease = |request: &Request| matches!(request.ask, Ask::Lease { .. });
                assert!(process.asks().iter().any(is_lease), "it asks again");
            }
            Reach::Down => assert!(process.call(), "{:?} left", process.left()),
        }
    }
}

impl CutOff {
    fn asks_nothing_and_is_held(&mut self) {
        self.attend(Reach::Up);
        assert_eq!(self.asks(), []);
        assert_eq!(self.left(), Duration::from_millis(1) + HOLD);
    }
}

#[test]
fn a_store_that_refuses_holds_no_circuit_until_it_answers_again() {
    let mut process = CutOff::new();
    process.wait(999);
    let asked = process.asks_for_a_lease();
    process.answered(&asked, None);
    process.wait(1);
    assert!(process.call(), "it probes by itself");
    process.wait(2000);

    process.attend(Reach::Up);

    assert!(process.call(), "without being asked for first");
    process.wait(3999);
    let asked = process.asks_for_a_lease();
    assert_eq!(process.left(), Duration::from_millis(1), "nor while it is asked for");
    process.answered(&asked, Some((0, 100)));
    assert_eq!(process.left(), Duration::from_millis(100) + HOLD, "now it has answered");
    process.wait(100);
    process.attend(Reach::Up);
    assert_eq!(process.left(), HOLD);
}

#[test]
fn no_lease_is_asked_for_long_before_the_end_of_an_own_open_time() {
    let mut process = CutOff::new();
    process.probes_by_itself();
    assert!(!process.call(), "somebody wants in");

    process.wait(1499);
    process.attend(Reach::Up);
    assert_eq!(process.asks(), [], "the others may probe meanwhile");

    // Not all processes at the same moment, but each before half of that time is over.
    let asked = (250..=500).rev().find_map(|left| {
        process.wait(1);
        process.attend(Reach::Up);
        process.asks().first().map(|request| (left, request.ask.clone()))
    });
    let (left, ask) = asked.expect("it is asked for");
    let lasts = Duration::from_millis(left) + SECOND;
    assert!(matches!(ask, Ask::Lease { lasts: l, .. } if l == lasts), "{left}: {ask:?}");
}

#[test]
fn who_probes_without_the_store_is_not_taken_back_for_want_of_it() {
    let mut process = CutOff::new();
    process.wait(999);
    let asked = process.asks_for_a_lease();
    process.answered(&asked, Some((1, 2)));
    process.wait(1);
    let probe = process.circuit.try_acquire().unwrap();

    process.wait(100);
    process.attend(Reach::Down);

    assert_eq!(process.circuit.state(), CircuitState::HalfOpen);
    assert!(!process.call(), "its slot is taken");
    probe.record(tower_circuit_breaker::Outcome::Success);
    assert_eq!(process.circuit.state(), CircuitState::Closed);
}

#[test]
fn the_fleet_is_told_the_step_that_a_process_has_reached_alone() {
    let mut process = CutOff::new();
    process.probes_by_itself();
    process.wait(2000);
    for wait in [4000, 8000] {
        assert!(process.call());
        process.wait(wait);
    }
    assert_eq!(process.circuit.backoff_step(), 3);
    let open_for = Duration::from_secs(8);

    let change = LocalChange {
        from: CircuitState::HalfOpen,
        to: CircuitState::Open,
        reason: ChangeReason::ProbesFailed,
        open_for,
        fleet_epoch: 7,
    };
    process.node.changed(&process.circuit, &change);

    let asked = process.asks();
    let shown = Shown::Failing { open_for, step: 3 };
    assert_eq!(asked[0].ask, Ask::Settle { epoch: 7, shown });
}

impl CutOff {
    /// Its circuit has just opened, and the store is away.
    fn opens_apart(&mut self, from: CircuitState, fleet_epoch: u64) {
        let (reason, open_for) = (ChangeReason::ProbesFailed, self.left());
        let to = CircuitState::Open;
        let change = LocalChange { from, to, reason, open_for, fleet_epoch };
        self.node.changed(&self.circuit, &change);
        self.attend(Reach::Down);
    }

    /// For how long it asks that the fleet be open.
    fn asks_to_open_for(&mut self) -> Duration {
        self.attend(Reach::Up);
        match self.asks().first().map(|request| request.ask.clone()) {
            Some(
                Ask::Vote { open_for, .. }
                | Ask::Settle { shown: Shown::Failing { open_for, .. }, .. },
            ) => open_for,
            other => panic!("{other:?}"),
        }
    }
}

/// Who was away for most of its open time keeps nobody waiting for the whole of it again.
#[test]
fn what_is_told_late_is_told_of_what_is_left_of_the_open_time() {
    let probe_fails: fn(&mut CutOff) = |apart| {
        apart.probes_by_itself();
        apart.opens_apart(CircuitState::HalfOpen, 7);
    };
    let trips: fn(&mut CutOff) = |apart| {
        apart.hears("1 8 c 0 0 0 probes there", 0);
        assert!(apart.call());
        apart.opens_apart(CircuitState::Closed, 8);
    };
    let (over, millis) = (Duration::from_millis(1), Duration::from_millis);
    let cases = [
        (probe_fails, 0, 2 * SECOND),
        (probe_fails, 900, 2 * SECOND),
        (probe_fails, 1500, millis(500)),
        (probe_fails, 2000, over),
        (probe_fails, 9000, over),
        (trips, 0, 2 * SECOND),
        (trips, 1500, millis(500)),
        (trips, 2000, over),
    ];
    for (opens, waits, left) in cases {
        let mut apart = CutOff::new();
        opens(&mut apart);
        apart.wait(waits);
        assert_eq!(apart.asks_to_open_for(), left, "of {left:?}, {waits} ms later");
    }
}

/// A probe may take as long as the open time, where nothing else was set.
#[test]
fn what_was_told_late_leaves_probes_their_time() {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("api").open_for(10 * SECOND).clock(clock.clone()).build();
    let options = Options { hold: HOLD, lease: None, vote_window: Duration::ZERO, seed: 0 };
    let word = Word::of("1 8 o 1 1 0 votes there", 1);
    Node::new(options).heard(&circuit, Some(&word), Timestamp::ZERO);
    clock.advance(Duration::from_millis(1) + HOLD);
    let probe = circuit.try_acquire();
    assert!(probe.is_ok());

    clock.advance(9 * SECOND);
    assert!(circuit.try_acquire().is_err(), "its slot is taken");
    clock.advance(SECOND);
    assert!(circuit.try_acquire().is_ok());
}
