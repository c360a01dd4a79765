//! How many calls an upstream allows in a day or a month, and how many of them are left.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::fleet::Fleet;

#[derive(Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) calls: u64,
    pub(crate) per: Per,
}

#[derive(Clone, Copy)]
pub(crate) enum Per {
    Day,
    Month,
}

/// Calls made in the current day or month: those of all processes that share a Redis, else those of
/// this one.
pub(crate) struct Usage {
    upstream: String,
    quota: Quota,
    fleet: Option<Fleet>,
    own: Mutex<(Date, u64)>,
}

impl Usage {
    pub(crate) fn new(upstream: &str, quota: Quota, fleet: Option<Fleet>) -> Self {
        let own = Mutex::new((quota.per.around(Timestamp::now())[0], 0));
        Self { upstream: upstream.to_owned(), quota, fleet, own }
    }

    /// Notes a call.
    pub(crate) async fn count(&self) {
        let [begun, end] = self.quota.per.around(Timestamp::now());
        self.own(begun).1 += 1;
        if let Some(fleet) = &self.fleet {
            fleet.count(&self.key(begun), start_of(end)).await;
        }
    }

    /// What is used and left.
    pub(crate) async fn as_json(&self) -> Value {
        let [begun, end] = self.quota.per.around(Timestamp::now());
        let own = self.own(begun).1;
        let shared = match &self.fleet {
            Some(fleet) => fleet.counted(&self.key(begun)).await,
            None => None,
        };
        let (used, limit) = (shared.unwrap_or(own), self.quota.calls);
        let left = limit.saturating_sub(used);
        let until = start_of(end).to_string();
        json!({ "limit": limit, "used": used, "left": left, "until": until })
    }

    /// This process's count; an earlier day's or month's is over.
    fn own(&self, begun: Date) -> MutexGuard<'_, (Date, u64)> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.0 != begun {
            *own = (begun, 0);
        }
        own
    }

    fn key(&self, begun: Date) -> String {
        format!("plant-gateway:quota:{}:{begun}", self.upstream)
    }
}

impl Per {
    /// The first day of the time that is counted together, and the first one after it, in UTC.
    fn around(self, now: Timestamp) -> [Date; 2] {
        let today = now.to_zoned(TimeZone::UTC).date();
        match self {
            Self::Day => [today, today.saturating_add(1.day())],
            Self::Month => {
                let first = today.first_of_month();
                [first, first.saturating_add(1.month())]
            }
        }
    }
}

fn start_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |start| start.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{Per, start_of};

    #[test]
    fn a_day_ends_at_midnight_and_a_month_with_its_last_day_in_utc() {
        let now = "2028-02-29T23:59:59Z".parse().unwrap();

        let [_, day] = Per::Day.around(now);
        let [begun, month] = Per::Month.around(now);

        assert_eq!(start_of(day).to_string(), "2028-03-01T00:00:00Z");
        assert_eq!(begun.to_string(), "2028-02-01");
        assert_eq!(month.to_string(), "2028-03-01");
        let [_, year] = Per::Month.around("2026-12-31T00:00:00Z".parse().unwrap());
        assert_eq!(year.to_string(), "2027-01-01");
    }
}
