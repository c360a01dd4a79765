use std::time::Duration;

use crate::engine::rules::open_steps::OpenSteps;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_last_step_holds_on() {
    let steps = OpenSteps::listed((0..64).map(|step| SECOND * (100 - step)).collect());

    assert_eq!(steps.max(), 100 * SECOND);
    assert_eq!(steps.step(0, u64::MAX), 100 * SECOND);
    assert_eq!(steps.step(63, 0), 37 * SECOND);
    assert_eq!(steps.step(64, 0), 37 * SECOND);
    assert_eq!(steps.step(u32::MAX, 0), 37 * SECOND);
}
