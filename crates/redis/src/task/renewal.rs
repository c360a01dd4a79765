//! When a connection is given up for a new one, though it answers; and how long those wait who were
//! refused.

use std::time::Duration;

use tokio::time::Instant;

/// The plan of a new connection.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    due: Option<Instant>,
    /// Whether it is due also when all is well by then.
    is_certain: bool,
    /// Whether the present one goes on until there is the new one.
    goes_on: bool,
    /// How often in a row it has cured nothing.
    refusals: u32,
}

impl Renewal {
    /// Plans a new connection after `patience`, unless one is planned sooner; a `share` of the pause,
    /// from 0 to 1, is drawn by each process for itself.
    pub(super) fn plan(&mut self, now: Instant, patience: Duration, share: f64) {
        let due = now + patience + self.pause(share);
        self.due = Some(self.due.map_or(due, |planned| planned.min(due)));
    }

    /// Plans a new connection whatever is heard until then.
    pub(super) fn insist(&mut self, now: Instant, share: f64) {
        self.plan(now, Duration::ZERO, share);
        self.is_certain = true;
    }

    /// Plans a new connection whatever is heard until then, at once the first time; the present one
    /// goes on until there is another.
    pub(super) fn replace(&mut self, now: Instant, share: f64) {
        if self.refusals == 0 {
            self.due = Some(now);
        } else {
            self.plan(now, Duration::ZERO, share);
        }
        self.is_certain = true;
        self.goes_on = true;
    }

    /// Whether the present connection goes on until there is another.
    pub(super) const fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// There is a new connection.
    pub(super) const fn connected(&mut self) {
        self.goes_on = false;
    }

    /// Notes that a server has refused, and gives the pause before it is asked again.
    pub(super) fn refused(&mut self, share: f64) -> Duration {
        self.refusals = self.refusals.saturating_add(1);
        self.pause(share)
    }

    /// The connection is given up.
    pub(super) fn begin(&mut self) {
        (self.due, self.is_certain) = (None, false);
        self.refusals = self.refusals.saturating_add(1);
    }

    /// Everything was read, and nothing refused.
    pub(super) fn cured(&mut self) {
        self.refusals = 0;
        if !self.is_certain {
            self.due = None;
        }
    }

    /// The connection has ended by itself.
    pub(super) fn forget(&mut self) {
        (self.due, self.is_certain, self.goes_on) = (None, false, false);
    }

    /// When the connection is to be given up.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// From half of the present step to the whole of it.
    fn pause(&self, share: f64) -> Duration {
        let doublings = self.refusals.saturating_sub(QUICK).min(DOUBLINGS);
        let step = (FIRST * 2_u32.pow(doublings)).min(LONGEST);
        step.mul_f64(0.5 + 0.5 * share)
    }
}

/// The first step.
const FIRST: Duration = Duration::from_secs(1);
/// So many steps are as short as the first: a fail-over takes as long.
const QUICK: u32 = 8;
/// Enough to pass the longest step.
const DOUBLINGS: u32 = 5;
/// The longest step.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_and_start_anew_when_all_is_well() {
        let mut renewal = Renewal::default();
        let steps: Vec<_> = (0..20).map(|_| renewal.refused(1.0).as_secs()).collect();
        assert_eq!(steps[..8], [1; 8]);
        assert_eq!(steps[8..14], [2, 4, 8, 16, 30, 30]);
        assert_eq!(renewal.refused(0.0), Duration::from_secs(15));

        renewal.cured();

        assert_eq!(renewal.refused(0.0), Duration::from_millis(500));
    }

    #[test]
    fn the_soonest_plan_holds() {
        let (mut renewal, now) = (Renewal::default(), Instant::now());
        renewal.plan(now, Duration::from_secs(5), 1.0);
        assert_eq!(renewal.due(), Some(now + Duration::from_secs(6)));
        renewal.plan(now, Duration::ZERO, 1.0);
        assert_eq!(renewal.due(), Some(now + Duration::from_secs(1)));
        renewal.plan(now + Duration::from_secs(1), Duration::ZERO, 1.0);
        assert_eq!(renewal.due(), Some(now + Duration::from_secs(1)));

        renewal.begin();

        assert_eq!(renewal.due(), None);
    }

    #[test]
    fn a_plan_is_dropped_when_all_is_well_unless_it_is_insisted_on() {
        let (mut renewal, now) = (Renewal::default(), Instant::now());
        renewal.plan(now, Duration::ZERO, 1.0);
        renewal.cured();
        assert_eq!(renewal.due(), None);
        renewal.insist(now, 1.0);
        renewal.cured();
        assert_eq!(renewal.due(), Some(now + Duration::from_secs(1)));
        renewal.forget();
        assert_eq!(renewal.due(), None);
    }

    #[test]
    fn what_is_replaced_goes_on_until_there_is_another() {
        let (mut renewal, now) = (Renewal::default(), Instant::now());
        renewal.replace(now, 1.0);
        assert_eq!(renewal.due(), Some(now));
        renewal.begin();
        assert!(renewal.goes_on());
        renewal.replace(now, 1.0);
        assert_eq!(renewal.due(), Some(now + Duration::from_secs(1)), "not as fast as it fails");
        renewal.connected();
        assert!(!renewal.goes_on());
        renewal.replace(now, 1.0);
        renewal.forget();
        assert!(!renewal.goes_on());
    }
}
