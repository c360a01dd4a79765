use std::time::Duration;

use crate::engine::rules::open_steps::OpenSteps;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_function_gives_each_step() {
    let steps = OpenSteps::by(|step| SECOND * (100 - step));

    assert_eq!(steps.max(), 100 * SECOND);
    assert_eq!(steps.step(0, u64::MAX), 100 * SECOND);
    assert_eq!(steps.step(63, 0), 37 * SECOND);
    assert_eq!(steps.step(64, 0), 37 * SECOND);
    assert_eq!(steps.step(u32::MAX, 0), 37 * SECOND);
}

#[test]
fn no_function_gives_an_open_time_of_zero() {
    let steps = OpenSteps::by(|_| Duration::ZERO);

    assert!(steps.step(0, 0) > Duration::ZERO);
    assert_eq!(steps.step(7, 0), steps.step(0, 0));
}
