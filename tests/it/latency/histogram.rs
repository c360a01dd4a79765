//! In which bucket a call is, and what is read from the buckets.

use std::panic::catch_unwind;
use std::time::Duration;

use tower_circuit_breaker::{LatencyHistogram, Outcome};

use crate::latency::{MILLI, NANO, filled, kept, latency, take};
use crate::support::{FAILURE, SECOND};

#[test]
fn at_first_there_is_nothing_in_it() {
    let (circuit, _) = kept(|b| b);

    let latency = latency(&circuit);

    assert_eq!(latency, LatencyHistogram::default());
    assert_eq!((latency.count(), latency.sum()), (0, Duration::ZERO));
    assert_eq!(latency.quantile(0.5), None);
    assert_eq!(latency.buckets().len(), 48);
}

#[test]
fn bounds_are_as_documented() {
    let bounds: Vec<_> = LatencyHistogram::default().buckets().map(|(bound, _)| bound).collect();

    assert_eq!(bounds[..4], [250, 325, 422, 548].map(Duration::from_micros));
    assert_eq!(bounds[47], Duration::from_micros(56_367_620));
    for pair in bounds.windows(2) {
        let next = Duration::from_micros(u64::try_from(pair[0].as_micros() * 13 / 10).unwrap());
        assert_eq!(pair[1], next, "after {:?}", pair[0]);
    }
}

#[test]
fn a_call_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
    let bounds: Vec<_> = LatencyHistogram::default().buckets().map(|(bound, _)| bound).collect();
    let last = bounds[47];
    let next = |place: usize| bounds.get(place + 1).copied().unwrap_or(last);
    let at_bounds = bounds.iter().map(|bound| (*bound, *bound));
    let past_bounds = (0..48).map(|place| (bounds[place] + NANO, next(place)));
    let odd = [(Duration::ZERO, bounds[0]), (NANO, bounds[0]), (3_600 * SECOND, last)];

    for (elapsed, bound) in at_bounds.chain(past_bounds).chain(odd) {
        let (circuit, clock) = kept(|b| b);
        take(&circuit, &clock, elapsed, Outcome::Success);
        assert_eq!(filled(&latency(&circuit)), [(bound, 1)], "{elapsed:?}");
        assert_eq!(latency(&circuit).sum(), elapsed);
    }
}

/// Numbers that look random, the same on every run.
fn random(mut state: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}

#[test]
fn quantiles_are_never_too_short_and_at_most_30_percent_too_long() {
    let (circuit, clock) = kept(|b| b);
    // From 250 µs to 50 s, as many in each octave.
    let octaves =
        random(7).zip(random(11)).map(|(octave, within)| (250_000 << (octave % 17), within));
    let elapsed = octaves.map(|(least, within)| Duration::from_nanos(least + within % least));
    let mut sorted: Vec<_> = elapsed.filter(|it| *it <= 56 * SECOND).take(5_000).collect();
    for elapsed in &sorted {
        take(&circuit, &clock, *elapsed, Outcome::Success);
    }
    sorted.sort();
    let latency = latency(&circuit);

    for thousandth in 0..=1_000_u32 {
        let exact = sorted[(thousandth as usize * 5).saturating_sub(1)];
        let quantile = latency.quantile(f64::from(thousandth) / 1_000.0).unwrap();
        // In floating point a rank may be one too high.
        let is_near = exact <= quantile && quantile <= exact.mul_f64(1.31);
        assert!(is_near, "{thousandth} ‰ is {exact:?}, not {quantile:?}");
    }
    assert_eq!(latency.sum(), sorted.iter().sum());
}

#[test]
fn quantiles_of_few_calls_are_those_of_calls_that_were_made() {
    let (circuit, clock) = kept(|b| b);
    for millis in [1, 10, 100] {
        take(&circuit, &clock, millis * MILLI, Outcome::Success);
    }
    let bounds = [1_202, 12_732, 103_847].map(Duration::from_micros);

    let latency = latency(&circuit);

    for (share, place) in [(0.0, 0), (0.33, 0), (0.34, 1), (0.66, 1), (0.67, 2), (1.0, 2)] {
        assert_eq!(latency.quantile(share), Some(bounds[place]), "{share}");
    }
    assert_eq!(filled(&latency), bounds.map(|bound| (bound, 1)));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_share_that_is_none_panics() {
    for share in [-0.1, 1.1, 99.0, f64::NAN, f64::INFINITY] {
        let asked = catch_unwind(|| LatencyHistogram::default().quantile(share));
        let said = asked.unwrap_err();
        let said = said.downcast_ref::<String>().expect("a text");
        assert!(said.ends_with("must be from 0 to 1, such as 0.99"), "{said}");
    }
}

#[test]
fn a_difference_holds_what_came_between() {
    let (circuit, clock) = kept(|b| b);
    take(&circuit, &clock, MILLI, Outcome::Success);
    let earlier = latency(&circuit);
    take(&circuit, &clock, SECOND, FAILURE);
    take(&circuit, &clock, MILLI, Outcome::Success);
    let later = latency(&circuit);

    let between = later.since(&earlier);

    assert_eq!((between.count(), between.sum()), (2, SECOND + MILLI));
    assert_eq!(between.quantile(0.5), Some(Duration::from_micros(1_202)));
    assert_eq!(later.since(&LatencyHistogram::default()), later);
    assert_eq!(later.since(&later), LatencyHistogram::default());
    assert_eq!(earlier.since(&later), earlier, "of another circuit: all is new");
}

#[test]
fn debug_says_how_many_and_how_long() {
    let (circuit, clock) = kept(|b| b);
    take(&circuit, &clock, 3 * MILLI, Outcome::Success);

    let shown = format!("{:?}", latency(&circuit));

    assert_eq!(shown, "LatencyHistogram { count: 1, sum: 3ms, .. }");
}
