//! That half-open ends as long as one probe in N reaches the upstream, and that callers that only
//! shed keep it half-open.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use tower_circuit_breaker::{Circuit, CircuitState, ManualClock, Outcome, Permit};
use tower_circuit_breaker_test::model::{KINDS, Settings};

use crate::strategies::settings;

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions-half-open.txt");

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 100,
        ..ProptestConfig::with_failure_persistence(FileFailurePersistence::Direct(REGRESSIONS))
    })]

    #[test]
    fn half_open_ends_as_long_as_one_probe_in_n_reaches_the_upstream(
        settings in settings(),
        probes in probes(),
        gaps in gaps(),
    ) {
        let bound = bound(&settings, probes.len(), &gaps);
        let mut half_open = HalfOpen::new(&settings, probes);

        let mut gaps = gaps.iter().cycle();
        while half_open.lasts() && half_open.now <= bound {
            half_open.call();
            half_open.advance(*gaps.next().unwrap());
        }

        prop_assert!(!half_open.lasts(), "half-open after {:?}", half_open.now);
    }

    #[test]
    fn callers_that_only_shed_keep_it_half_open_whatever_the_settings(
        settings in settings(),
        shares in vec(0..256_u32, 1..50),
        gaps in gaps(),
    ) {
        // One that took as long as its lease would be unanswered.
        let within = |share| lease(&settings) * share / 256;
        let shed = |share| Probe::Ends(Some(Outcome::NotSent), within(share));
        let mut half_open = HalfOpen::new(&settings, shares.into_iter().map(shed).collect());
        let mut totals = half_open.circuit.snapshot().totals;

        for gap in gaps.iter().cycle().take(400) {
            half_open.call();
            half_open.advance(*gap);
            prop_assert!(half_open.lasts(), "left after {:?}", half_open.now);
        }
        half_open.advance(lease(&settings));

        let now = half_open.circuit.snapshot().totals;
        prop_assert_eq!(now.not_sent, half_open.admitted);
        totals.not_sent = now.not_sent;
        totals.rejected = now.rejected;
        prop_assert_eq!(now, totals, "and nothing else was counted");
        prop_assert!(half_open.lasts(), "left after {:?}", half_open.now);
    }
}

/// How long half-open lasts at most where calls come at these gaps and one probe in `n` reaches the
/// upstream.
///
/// It ends with `probes` successes, with more failures than `failed_probes_allowed`, with sixteen
/// ignored between two of those, and with the first unanswered probe that is at least the sixteenth
/// since the last answer and ends a minute or more after the first of them began.
///
/// - As long as it lasts, fewer than `p` probes succeed and at most `f` fail; around them are at most
///   `p + f` rows of fifteen ignored ones. So there are at most `16 (p + f) - 1` answers, and `f` late
///   ones of probes that had failed as their leases ended. Between answers are `16 (p + f) + f` rows
///   of unanswered probes, at most.
/// - A slot is taken for a lease at most, and the next call comes a gap later. So in each turn, of a
///   lease and two gaps, a probe is admitted; one of any `n` reaches the upstream, and a turn later
///   it has ended, or its lease has.
/// - A row has its sixteenth after `16 n + 1` turns, and has lasted for a minute another minute later
///   at the latest. Then the next one ends it, after `n + 1` turns.
/// - Probes that fail by time alone are in no row and end none: `n` turns for each of `f`.
fn bound(settings: &Settings, n: usize, gaps: &[Duration]) -> Duration {
    let n = u32::try_from(n).unwrap();
    let (p, f) = (settings.probes, settings.failed_probes_allowed);
    let turn = lease(settings) + 2 * *gaps.iter().max().unwrap();
    let row = Duration::from_secs(60) + (17 * n + 2) * turn;
    (16 * (p + f) + f) * row + f * n * turn
}

/// What becomes of a probe, and when.
#[derive(Debug, Clone, Copy)]
enum Probe {
    Ends(Option<Outcome>, Duration),
    NeverEnds,
}

/// Of N probes at least one reaches the upstream; they come over and over.
fn probes() -> impl Strategy<Value = Vec<Probe>> {
    let kinds = vec(probe(), 1..5);
    (kinds, reaching(), vec(any::<Index>(), 0..49), any::<Index>()).prop_map(
        |(kinds, reaching, others, place)| {
            let mut probes: Vec<_> = others.iter().map(|kind| *kind.get(&kinds)).collect();
            probes.insert(place.index(probes.len() + 1), reaching);
            probes
        },
    )
}

fn probe() -> impl Strategy<Value = Probe> {
    prop_oneof![
        1 => time().prop_map(|time| Probe::Ends(Some(Outcome::NotSent), time)),
        1 => reaching(),
    ]
}

fn reaching() -> impl Strategy<Value = Probe> {
    let answer = prop_oneof![
        1 => Just(Outcome::Success),
        1 => select(&KINDS[..]).prop_map(Outcome::Failure),
        4 => Just(Outcome::Ignored),
    ];
    prop_oneof![
        2 => (answer, time()).prop_map(|(answer, time)| Probe::Ends(Some(answer), time)),
        2 => time().prop_map(|time| Probe::Ends(None, time)),
        1 => Just(Probe::NeverEnds),
    ]
}

/// Within leases and after them.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        2 => (0..3_000_u64).prop_map(Duration::from_millis),
        1 => (0..120_u64).prop_map(Duration::from_secs),
    ]
}

/// Between calls, over and over: bursts, of which none goes on for ever.
fn gaps() -> impl Strategy<Value = Vec<Duration>> {
    let short = prop_oneof![Just(0), 0..1_000_u64];
    (vec(short, 0..8), 1_000..20_000_u64).prop_map(|(mut gaps, last)| {
        gaps.push(last);
        gaps.into_iter().map(Duration::from_millis).collect()
    })
}

fn lease(settings: &Settings) -> Duration {
    let lease = settings.probe_timeout;
    lease.unwrap_or_else(|| settings.first_open.max(Duration::from_secs(1)))
}

/// A circuit in half-open, and its probes.
struct HalfOpen {
    circuit: Circuit,
    clock: ManualClock,
    /// For how long it has been half-open.
    now: Duration,
    probes: Vec<Probe>,
    admitted: u64,
    /// What is said when, and of which call.
    ending: Vec<(Duration, Option<Outcome>, Permit)>,
    never_ending: Vec<Permit>,
}

impl HalfOpen {
    fn new(settings: &Settings, probes: Vec<Probe>) -> Self {
        let clock = ManualClock::new();
        let builder = Circuit::builder("model").clock(clock.clone());
        let circuit = settings.clone().build(builder).build();
        circuit.trip();
        clock.advance(settings.first_open);
        let (ending, never_ending) = (Vec::new(), Vec::new());
        let mut new =
            Self { circuit, clock, now: Duration::ZERO, probes, admitted: 0, ending, never_ending };
        new.call();
        new
    }

    /// Whether it has been half-open all the time.
    fn lasts(&self) -> bool {
        let entered = self.circuit.snapshot().transitions.open_to_half_open;
        (self.circuit.state(), entered) == (CircuitState::HalfOpen, 1)
    }

    /// A call, which is the next probe where one is let in.
    fn call(&mut self) {
        let Ok(permit) = self.circuit.try_acquire() else { return };
        let turn = usize::try_from(self.admitted).unwrap() % self.probes.len();
        self.admitted += 1;
        match self.probes[turn] {
            Probe::Ends(said, after) => self.ending.push((self.now + after, said, permit)),
            Probe::NeverEnds => self.never_ending.push(permit),
        }
    }

    /// Lets time pass, in which probes end.
    fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.ending.iter().enumerate().min_by_key(|(_, (at, ..))| *at);
            let Some(next) = next.filter(|(_, (at, ..))| *at <= until).map(|(next, _)| next) else {
                break;
            };
            let (at, said, permit) = self.ending.swap_remove(next);
            self.clock.advance(at - self.now);
            self.now = at;
            match said {
                Some(outcome) => permit.record(outcome),
                None => drop(permit),
            }
        }
        self.clock.advance(until - self.now);
        self.now = until;
    }
}
