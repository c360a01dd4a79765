use crate::engine::rules::confidence::{Confidence, Threshold};
use crate::engine::rules::rate::Rate;

/// The lower bound as textbooks have it (Wilson, 1927), for a quantile of `z`.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn lower_bound(part: u64, whole: u64, z: f64) -> f64 {
    let (n, share) = (whole as f64, part as f64 / whole as f64);
    let middle = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    (middle - half) / (1.0 + z * z / n)
}

fn confidence(share: f64) -> Confidence {
    Confidence::new(share).expect("a confidence")
}

fn threshold(rate: f64, sure: f64) -> Threshold {
    Threshold::new(Rate::below_one(rate).expect("a rate"), confidence(sure), None)
}

#[test]
fn the_quantiles_are_those_of_the_tables() {
    let known = [
        (0.500_000_001, 2.506_628_203_738_712e-9, 1e-15),
        (0.75, 0.674_489_750_196_081_7, 1e-12),
        (0.9, 1.281_551_565_544_600_4, 1e-12),
        (0.95, 1.644_853_626_951_472_2, 1e-12),
        (0.975, 1.959_963_984_540_054, 1e-12),
        (0.99, 2.326_347_874_040_840_8, 1e-12),
        (0.999, 3.090_232_306_167_813, 1e-12),
        (0.999_9, 3.719_016_485_455_708, 1e-11),
        (0.999_999, 4.753_424_308_817_088, 1e-10),
        (0.999_999_999, 5.997_807_019_601_637, 1e-7),
    ];
    for (share, quantile, error) in known {
        let found = confidence(share).quantile();

        assert!((found - quantile).abs() < error, "{share}: {found} for {quantile}");
    }
}

#[test]
fn only_what_is_between_one_half_and_one_is_a_confidence() {
    for share in [0.5, 0.0, 1.0, 95.0, -0.9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Confidence::new(share), None, "{share}");
    }
    assert_eq!(confidence(0.5 + f64::EPSILON), confidence(0.500_000_001));
    assert_eq!(confidence(1.0 - f64::EPSILON), confidence(0.999_999_999));
}

#[test]
fn so_many_failures_in_a_row_clear_the_bar() {
    let needed = |rate, sure| (1..).find(|n| threshold(rate, sure).is_cleared_by(*n, *n)).unwrap();
    for (rate, by_confidence) in
        [(0.1, [1, 1, 2]), (0.3, [2, 3, 5]), (0.5, [3, 6, 10]), (0.9, [25, 49, 86])]
    {
        let found = [0.95, 0.99, 0.999].map(|sure| needed(rate, sure));

        assert_eq!(found, by_confidence, "at a rate of {rate}");
    }
}

#[test]
fn the_largest_windows_are_judged_as_exactly_as_small_ones() {
    // As many calls as 3,600 buckets hold, where the deviation is 1.97 million calls.
    let whole = u64::from(u32::MAX) * 3_600;
    let half = whole / 2;
    let threshold = threshold(0.5, 0.95);

    assert!(!threshold.is_cleared_by(half, whole));
    assert!(!threshold.is_cleared_by(half + 3_233_000, whole));
    assert!(threshold.is_cleared_by(half + 3_235_000, whole));
    assert!(threshold.is_cleared_by(whole, whole));
    assert!(
        Threshold::new(Rate::below_one(1e-9).unwrap(), confidence(0.95), None)
            .is_cleared_by(u64::MAX, u64::MAX)
    );
}

#[test]
fn a_count_window_that_is_too_small_asks_for_failures_alone() {
    for (rate, calls) in [(0.9, 1), (0.9, 5), (0.9, 24), (0.999, 100), (0.5, 2), (0.999_999, 3)] {
        let rate = Rate::below_one(rate).unwrap();
        let threshold = Threshold::new(rate, confidence(0.95), Some(calls));
        let calls = u64::from(calls);

        assert!(threshold.is_cleared_by(calls, calls), "{rate:?}, {calls}");
        assert!(!threshold.is_cleared_by(calls - 1, calls), "{rate:?}, {calls}");
        assert!(!threshold.is_cleared_by(calls - 1, calls - 1), "{rate:?}, {calls}");
    }
}

#[test]
fn a_window_that_is_large_enough_changes_nothing() {
    let rate = Rate::below_one(0.5).unwrap();
    for calls in [4, 10, 100, 1_000_000] {
        assert_eq!(
            Threshold::new(rate, confidence(0.95), Some(calls)),
            threshold(0.5, 0.95),
            "{calls}"
        );
    }
}

const RATES: [f64; 8] = [0.001, 0.05, 0.1, 0.25, 1.0 / 3.0, 0.5, 0.75, 0.99];
const CONFIDENCES: [f64; 7] = [0.501, 0.6, 0.8, 0.95, 0.99, 0.999, 0.999_999];

/// Every number of failures among up to 150 calls, and some among more.
fn results() -> impl Iterator<Item = (u64, u64)> {
    let wholes = (1..=150_u64).chain([777, 1_000, 4_321]);
    wholes.flat_map(|whole| (0..=whole).map(move |part| (part, whole)))
}

fn for_every_threshold(check: impl Fn(f64, f64, Threshold)) {
    for rate in RATES {
        for sure in CONFIDENCES {
            check(rate, sure, threshold(rate, sure));
        }
    }
}

#[test]
fn a_bar_is_cleared_where_the_textbook_bound_is_above_the_rate() {
    for_every_threshold(|rate, sure, threshold| {
        let z = confidence(sure).quantile();
        for (part, whole) in results() {
            let bound = lower_bound(part, whole, z);
            // Nearer than that the seven digits of `z²` decide, or the textbook's own rounding.
            if (bound - rate).abs() > 1e-7 {
                let is_above = bound > rate;

                assert_eq!(
                    threshold.is_cleared_by(part, whole),
                    is_above,
                    "{part}/{whole}, {rate}, {sure}"
                );
            }
        }
    });
}

#[test]
fn more_failures_clear_what_fewer_clear() {
    for_every_threshold(|rate, sure, threshold| {
        for whole in 1..=150 {
            let cleared: Vec<_> =
                (0..=whole).map(|part| threshold.is_cleared_by(part, whole)).collect();

            assert!(cleared.is_sorted(), "{whole}, {rate}, {sure}: {cleared:?}");
        }
    });
}

#[test]
fn a_higher_confidence_asks_for_more() {
    for rate in RATES {
        let thresholds = CONFIDENCES.map(|sure| threshold(rate, sure));
        for (part, whole) in results() {
            let missed = thresholds.map(|threshold| !threshold.is_cleared_by(part, whole));

            assert!(missed.is_sorted(), "{part}/{whole}, {rate}: {missed:?}");
        }
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn a_share_at_or_below_the_rate_never_clears_the_bar() {
    for rate in RATES {
        for window in [None, Some(1), Some(4), Some(50)] {
            let threshold =
                Threshold::new(Rate::below_one(rate).unwrap(), confidence(0.501), window);
            for (part, whole) in
                results().filter(|(part, whole)| *part as f64 / *whole as f64 <= rate)
            {
                assert!(!threshold.is_cleared_by(part, whole), "{part}/{whole}, {rate}");
            }
        }
    }
}

#[test]
fn a_word_gives_back_the_bar() {
    for_every_threshold(|rate, sure, threshold| {
        assert_eq!(Threshold::from_bits(threshold.bits()), threshold, "{rate}, {sure}");
        assert_ne!(threshold.bits(), 0, "{rate}, {sure}");
    });
}

#[test]
fn a_confidence_comes_back_from_its_share_whatever_the_last_bit() {
    for billionths in (500_000_001..1_000_000_000).step_by(12_345) {
        let written = confidence(f64::from(billionths) / 1e9);
        let bits = written.share().to_bits();

        for bits in [bits - 1, bits, bits + 1] {
            assert_eq!(confidence(f64::from_bits(bits)), written, "{billionths}");
        }
    }
}
