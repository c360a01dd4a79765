use std::time::Duration;

use crate::engine::time::{Timestamp, nanos};

#[test]
fn nanoseconds_saturate_where_64_bits_end() {
    let longest = Duration::from_nanos(u64::MAX);

    assert_eq!(nanos(Duration::new(7, 9)), 7_000_000_009);
    assert_eq!(nanos(longest - Duration::from_nanos(1)), u64::MAX - 1);
    assert_eq!(nanos(longest), u64::MAX);
    assert_eq!(nanos(longest + Duration::from_nanos(1)), u64::MAX);
    assert_eq!(nanos(Duration::MAX), u64::MAX);
}

#[test]
fn no_deadline_is_the_one_that_never_comes() {
    let late = Timestamp::from_nanos(u64::MAX - 5);

    assert_eq!(late.after(Duration::from_nanos(3)), Timestamp::from_nanos(u64::MAX - 2));
    assert!(late.after(Duration::MAX) < Timestamp::NEVER);
}
