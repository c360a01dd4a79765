use std::time::Duration;

use tokio::time::Instant;

use super::Roster;

const SECOND: Duration = Duration::from_secs(1);
/// When the roster was made, by the wall clock.
const BEGAN: Duration = Duration::from_secs(1_790_000_000);

#[test]
fn the_time_of_a_history_goes_on_while_the_machine_sleeps() {
    let mut roster = Roster::new(None, BEGAN);
    let after = |roster: &Roster, awake: u32| roster.began + SECOND * awake;

    let now = after(&roster, 10);
    assert_eq!(roster.history_time(BEGAN + SECOND * 10, now), SECOND * 10);

    // The clock of the process stands still for an hour.
    let now = after(&roster, 11);
    assert_eq!(roster.history_time(BEGAN + SECOND * 3611, now), SECOND * 3611);
    let now = after(&roster, 12);
    assert_eq!(roster.history_time(BEGAN + SECOND * 3612, now), SECOND * 3612);
}

#[test]
fn a_wall_clock_that_is_put_right_or_back_moves_no_point() {
    let mut roster = Roster::new(None, BEGAN);
    let after = |roster: &Roster, awake: u32| roster.began + SECOND * awake;

    for (awake, wall) in [(10, BEGAN + SECOND * 13), (20, BEGAN - SECOND * 9000), (30, BEGAN)] {
        let now: Instant = after(&roster, awake);
        assert_eq!(roster.history_time(wall, now), SECOND * awake, "{wall:?}");
    }
}
