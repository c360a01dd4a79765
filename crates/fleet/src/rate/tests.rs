use crate::rate::Rate;

#[test]
fn a_rate_is_reached_exactly_at_its_share() {
    let half = Rate::new(0.5).unwrap();

    assert!(half.is_reached(1, 2) && half.is_reached(u64::MAX, u64::MAX));
    assert!(!half.is_reached(1, 3) && !half.is_reached(0, u64::MAX));
    assert_eq!(Rate::new(1e-12), Rate::new(1e-9));
    assert!([0.0, -0.5, 1.1, f64::NAN].into_iter().all(|share| Rate::new(share).is_none()));
}
