//! The bucket of every length of time at which it changes.

use crate::engine::record::histogram::{BOUNDS, BUCKETS};
use crate::engine::record::latency::bucket;

/// By looking at every bound.
fn by_search(nanos: u64) -> usize {
    BOUNDS.iter().take(BUCKETS - 1).filter(|bound| nanos > **bound).count()
}

#[test]
fn the_bucket_is_the_first_whose_bound_is_not_exceeded() {
    let powers = (0..u64::BITS).map(|power| 1_u64 << power);
    let edges = BOUNDS.into_iter().chain(powers).chain([0, u64::MAX]);
    for edge in edges {
        for nanos in [edge.saturating_sub(1), edge, edge.saturating_add(1)] {
            assert_eq!(bucket(nanos), by_search(nanos), "{nanos} ns");
        }
    }
}

#[test]
fn bounds_are_a_third_apart_at_most() {
    assert_eq!(BOUNDS.first(), Some(&250_000));
    assert_eq!(BOUNDS.last(), Some(&56_367_620_000));
    for (bound, next) in BOUNDS.iter().zip(BOUNDS.iter().skip(1)) {
        assert!(bound < next && next * 10 <= bound * 13, "{bound} ns, {next} ns");
    }
}
