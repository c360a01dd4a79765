//! Settings of both the circuit and its model.

use std::time::Duration;

use crate::{
    Backoff, Circuit, CircuitBuilder, CircuitConfig, FailureKind, SlidingWindow, TripRule,
};

/// The kinds that failures have; rules may be about the first two.
pub const KINDS: [FailureKind; 3] =
    [FailureKind::new("connect"), FailureKind::new("timeout"), FailureKind::OTHER];

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub consecutive: Option<u32>,
    /// For how long runs are to last, the general one and those of kinds.
    pub lasting: [Option<Duration>; 2],
    pub failure_rate: Option<Share>,
    /// A rate below 1, and how sure to be that more than that fail.
    pub failure_rate_confident: Option<(Share, Sure)>,
    pub slow: Option<(Share, Duration)>,
    pub failure_count: Option<u32>,
    pub stalled: Option<(u32, Duration)>,
    /// For the first kinds: failures in a row, and an open time.
    pub kinds: [Option<(u32, Option<Duration>)>; 2],
    pub window: Window,
    pub minimum_calls: u32,
    pub first_open: Duration,
    pub longest_open: Duration,
    pub probes: u32,
    pub concurrent_probes: u32,
    pub failed_probes_allowed: u32,
    pub probe_timeout: Option<Duration>,
    pub abandoned_after: Option<Duration>,
    pub longest_trip_for: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Window {
    Calls(u32),
    /// Buckets, and the width of one.
    Time(u32, Duration),
}

/// A share of small whole numbers, so that the model can compare exactly.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub part: u32,
    pub whole: u32,
}

/// A confidence, and the quantile of the normal distribution that belongs to it, from a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sure {
    confidence: f64,
    pub quantile: f64,
}

pub const SURE: [Sure; 4] = [
    Sure { confidence: 0.6, quantile: 0.253_347_103_135_799_8 },
    Sure { confidence: 0.8, quantile: 0.841_621_233_572_914_3 },
    Sure { confidence: 0.95, quantile: 1.644_853_626_951_472_2 },
    Sure { confidence: 0.99, quantile: 2.326_347_874_040_840_8 },
];

/// Two of four is one of two: a circuit sees no change of settings there.
impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.part * other.whole == other.part * self.whole
    }
}

impl Settings {
    pub fn into_config(self) -> CircuitConfig {
        self.build(Circuit::builder("")).into_config()
    }

    pub fn build(self, mut b: CircuitBuilder) -> CircuitBuilder {
        let share = |share: Share| f64::from(share.part) / f64::from(share.whole);
        b = b
            .window(match self.window {
                Window::Calls(calls) => SlidingWindow::count(calls),
                Window::Time(buckets, width) => {
                    SlidingWindow::time(width * buckets).buckets(buckets)
                }
            })
            .minimum_calls(self.minimum_calls)
            .open_backoff(Backoff::exponential(self.first_open, self.longest_open).without_jitter())
            .probes(self.probes)
            .concurrent_probes(self.concurrent_probes)
            .failed_probes_allowed(self.failed_probes_allowed)
            .longest_trip_for(self.longest_trip_for);
        let [run, kind_run] = self.lasting;
        let last =
            |rule, lasting: Option<Duration>| lasting.into_iter().fold(rule, TripRule::lasting);
        if let Some(failures) = self.consecutive {
            b = b.rule(last(TripRule::consecutive_failures(failures), run));
        }
        b = self.failure_rate.into_iter().fold(b, |b, rate| b.failure_rate(share(rate)));
        b = self
            .failure_rate_confident
            .into_iter()
            .fold(b, |b, (rate, sure)| b.failure_rate_confident(share(rate), sure.confidence));
        b = self.slow.into_iter().fold(b, |b, (rate, than)| b.slow_call_rate(share(rate), than));
        b = self.failure_count.into_iter().fold(b, CircuitBuilder::failure_count);
        b = self.stalled.into_iter().fold(b, |b, (calls, than)| b.stalled_calls(calls, than));
        b = self.probe_timeout.into_iter().fold(b, CircuitBuilder::probe_timeout);
        b = self.abandoned_after.into_iter().fold(b, CircuitBuilder::abandoned_after);
        for (kind, rule) in KINDS.into_iter().zip(self.kinds) {
            let Some((failures, open_for)) = rule else { continue };
            let rule = last(TripRule::consecutive_failures(failures).of(kind), kind_run);
            b = b.rule(open_for.into_iter().fold(rule, TripRule::open_for));
        }
        b
    }

    /// Whether there is no rule, so that the defaults hold.
    pub fn is_without_rules(&self) -> bool {
        self.consecutive.is_none()
            && self.failure_rate.is_none()
            && self.failure_rate_confident.is_none()
            && self.slow.is_none()
            && self.failure_count.is_none()
            && self.stalled.is_none()
            && self.kinds == [None, None]
    }
}
