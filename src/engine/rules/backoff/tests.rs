use std::time::Duration;

use crate::engine::rules::backoff::{Backoff, JitterRng};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn steps_double_up_to_the_maximum() {
    let backoff = Backoff::exponential(SECOND, 10 * SECOND).without_jitter();

    let steps: Vec<u64> = (0..6).map(|step| backoff.step(step, 0).as_secs()).collect();

    assert_eq!(steps, [1, 2, 4, 8, 10, 10]);
    assert_eq!(backoff.step(u32::MAX, 0), 10 * SECOND);
}

#[test]
fn jitter_stays_in_the_upper_half_of_the_step() {
    let backoff = Backoff::exponential(SECOND, 10 * SECOND);
    let mut jitter = JitterRng::new(7);

    let drawn: Vec<Duration> = (0..1000).map(|_| backoff.step(2, jitter.roll())).collect();

    assert!(drawn.iter().all(|d| (2 * SECOND..=4 * SECOND).contains(d)), "{drawn:?}");
    assert!(drawn.iter().any(|d| *d < 2 * SECOND + SECOND / 10), "never near the lower end");
    assert!(drawn.iter().any(|d| *d > 4 * SECOND - SECOND / 10), "never near the upper end");
}

#[test]
fn the_dice_roll_as_splitmix64_does() {
    let mut jitter = JitterRng::new(1_234_567);

    let rolled: Vec<u64> = (0..3).map(|_| jitter.roll()).collect();

    // The first three of the reference implementation, <https://prng.di.unimi.it/splitmix64.c>.
    let reference =
        [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
    assert_eq!(rolled, reference);
}

#[test]
fn a_maximum_below_the_first_step_means_the_first() {
    let backoff = Backoff::exponential(2 * SECOND, SECOND).without_jitter();

    assert_eq!(backoff.step(3, 0), 2 * SECOND);
}

#[test]
fn the_shortest_first_step_reaches_the_longest_maximum() {
    let backoff = Backoff::exponential(Duration::from_nanos(1), Duration::MAX).without_jitter();

    assert_eq!(backoff.step(40, 0), Duration::from_nanos(1 << 40));
    assert_eq!(backoff.step(94, 0), Duration::MAX);
}

#[test]
fn another_factor_grows_as_it_says() {
    let backoff = Backoff::exponential(10 * SECOND, 60 * SECOND).without_jitter();
    let millis = |backoff: &Backoff| -> Vec<u128> {
        (0..6).map(|step| backoff.step(step, 0).as_millis()).collect()
    };

    let grown = millis(&backoff.factor(1.5));
    assert_eq!(grown, [10_000, 15_000, 22_500, 33_750, 50_625, 60_000]);
    assert_eq!(millis(&backoff.factor(1.0)), [10_000; 6]);
    assert_eq!(backoff.factor(2.0), backoff);
    let slow = Backoff::exponential(SECOND, Duration::MAX).without_jitter().factor(1.001);
    assert_eq!(slow.step(u32::MAX, 0), Duration::MAX);
}

#[test]
#[should_panic(expected = "factor is 0.5: must be from 1 to 100, such as 1.5")]
fn a_factor_below_one_is_refused() {
    let _ = Backoff::exponential(SECOND, SECOND).factor(0.5);
}

#[test]
fn the_longest_durations_do_not_overflow() {
    for step in [0, 1, 31, 32, u32::MAX] {
        let open_for = Backoff::exponential(Duration::MAX, Duration::MAX).step(step, u64::MAX);

        assert!(open_for >= Duration::MAX / 2, "step {step}");
    }
}
