use crate::engine::rules::rate::Rate;

#[test]
fn every_quotient_of_small_numbers_meets_its_own_rate() {
    for whole in 1..=200_u32 {
        for part in 1..=whole {
            let rate = Rate::new(f64::from(part) / f64::from(whole)).unwrap().scaled();

            assert!(Rate::is_reached(rate, part.into(), whole.into()), "{part}/{whole}");
            assert!(!Rate::is_reached(rate, u64::from(part) - 1, whole.into()), "{part}/{whole}");
        }
    }
}

#[test]
fn a_rate_written_in_decimals_is_scaled_to_just_that() {
    let rates = [
        (1.0, 1_000_000_000),
        (0.7, 700_000_000),
        (0.5, 500_000_000),
        (0.000_000_003, 3),
        (0.999_999_999, 999_999_999),
    ];
    for (share, scaled) in rates {
        assert_eq!(Rate::new(share).unwrap().scaled(), scaled, "{share}");
    }
}

#[test]
fn no_calls_reach_no_rate() {
    assert!(!Rate::is_reached(1, 0, 0));
}

#[test]
fn shares_outside_zero_to_one_are_no_rates() {
    for share in [0.0, -0.0, -1.0, 1.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Rate::new(share), None, "{share}");
    }
    assert!(Rate::new(1.0).is_some());
    assert_eq!(Rate::new(f64::MIN_POSITIVE).unwrap().scaled(), 1);
}
