use std::cell::Cell;
use std::time::Duration;

use crate::clock::system::filter::{Clocks, CoarseFilter};
use crate::engine::time::{MARGIN, Nanos, Timestamp, nanos};

const MS: u64 = 1_000_000;
const LONGEST_LAG: u64 = nanos(MARGIN) - 1;

/// Clocks that stand still, and count how often they are read.
struct StoppedClocks {
    precise: u64,
    coarse: u64,
    precise_readings: Cell<u32>,
    coarse_readings: Cell<u32>,
}

impl StoppedClocks {
    fn at(precise: u64, lag: u64) -> Self {
        let coarse = precise - lag;
        Self { precise, coarse, precise_readings: Cell::new(0), coarse_readings: Cell::new(0) }
    }

    fn readings(&self) -> (u32, u32) {
        (self.precise_readings.get(), self.coarse_readings.get())
    }
}

impl Clocks for StoppedClocks {
    fn precise(&self) -> Timestamp {
        self.precise_readings.set(self.precise_readings.get() + 1);
        Timestamp::from_nanos(self.precise)
    }

    fn coarse(&self) -> Timestamp {
        self.coarse_readings.set(self.coarse_readings.get() + 1);
        Timestamp::from_nanos(self.coarse)
    }
}

#[test]
fn it_decides_what_the_precise_clock_decides_however_far_the_coarse_one_is_behind() {
    let now = 1_000 * MS;
    let near = (0..=50 * MS).step_by(99_991).flat_map(|by| [now - by, now + by]);
    let edges = [now - 1, now, now + 1, now + 20 * MS - 1, now + 20 * MS, now + 20 * MS + 1, 0];
    for until in near.chain(edges).chain([u64::MAX]) {
        for lag in [0, 1, MS, 4 * MS, 7 * MS, 12 * MS, LONGEST_LAG] {
            let left = CoarseFilter::beside(0)
                .time_left(Timestamp::from_nanos(until), &StoppedClocks::at(now, lag))
                .map(Nanos::get);

            assert_eq!(left.is_some(), now < until, "{lag} ns behind, until {until}");
            if let Some(left) = left {
                let exact = until - now;
                assert!(
                    left >= exact && left - exact < 20 * MS,
                    "{left} for {exact}, {lag} behind"
                );
            }
        }
    }
}

#[test]
fn the_precise_clock_is_read_near_the_end_alone() {
    let (filter, until) = (CoarseFilter::beside(0), Timestamp::from_nanos(1_000 * MS));

    let far = StoppedClocks::at(900 * MS, 5 * MS);
    assert_eq!(filter.time_left(until, &far).map(Duration::from), Some(Duration::from_millis(105)));
    assert_eq!(far.readings(), (0, 1));

    let near = StoppedClocks::at(990 * MS, 5 * MS);
    assert_eq!(filter.time_left(until, &near).map(Duration::from), Some(Duration::from_millis(10)));
    assert_eq!(near.readings().0, 1);
}

#[test]
fn a_coarse_clock_that_was_too_far_behind_is_asked_no_more() {
    let (filter, until) = (CoarseFilter::beside(0), Timestamp::from_nanos(2_000 * MS));
    let standing = StoppedClocks::at(1_000 * MS, LONGEST_LAG + 1);

    assert_eq!(filter.now(&standing), Timestamp::from_nanos(1_000 * MS));
    let readings = standing.readings().1;

    assert_eq!(
        filter.time_left(until, &standing).map(Duration::from),
        Some(Duration::from_secs(1))
    );
    assert_eq!(filter.now(&standing), Timestamp::from_nanos(1_000 * MS));
    assert_eq!(standing.readings().1, readings);
}

#[test]
fn a_lag_below_the_margin_leaves_it_on() {
    let (filter, until) = (CoarseFilter::beside(0), Timestamp::from_nanos(2_000 * MS));
    let standing = StoppedClocks::at(1_000 * MS, LONGEST_LAG);

    filter.now(&standing);
    filter.time_left(until, &standing);

    assert_eq!(standing.readings(), (1, 2));
}
