//! What came of the runs.

use std::fmt::{self, Display, Formatter, Write};
use std::time::Duration;

/// Figures of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Answers per second.
    rate: f64,
    /// Microseconds, half of the answers and 99 of 100 came within.
    p50: f64,
    p99: f64,
}

#[derive(Debug)]
pub(crate) struct Runs(Vec<Run>);

/// One figure of all runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

/// Runs that took turns: how the second differs from the first is chance.
#[derive(Debug)]
pub(crate) struct Three {
    pub(crate) without: Runs,
    again: Runs,
    with: Runs,
}

impl Run {
    /// Of answers that took so many microseconds each.
    pub(crate) fn new(mut delays: Vec<f64>, during: Duration) -> Self {
        let number = u32::try_from(delays.len()).unwrap_or(u32::MAX);
        delays.sort_by(f64::total_cmp);
        let at =
            |percent: usize| delays.get(delays.len() * percent / 100).copied().unwrap_or(f64::NAN);
        Self { rate: f64::from(number) / during.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

impl Runs {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, run: Run) {
        self.0.push(run);
    }

    pub(crate) fn rate(&self) -> Spread {
        self.spread(|run| run.rate)
    }

    fn p50(&self) -> Spread {
        self.spread(|run| run.p50)
    }

    fn p99(&self) -> Spread {
        self.spread(|run| run.p99)
    }

    fn spread(&self, figure: fn(&Run) -> f64) -> Spread {
        let mut figures: Vec<_> = self.0.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Spread {
            median: at(figures.len() / 2),
            least: at(0),
            most: at(figures.len().saturating_sub(1)),
        }
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({:.0} to {:.0})", self.median, self.least, self.most)
    }
}

impl Three {
    pub(crate) fn of([without, again, with]: [Runs; 3]) -> Self {
        Self { without, again, with }
    }

    /// Lines of a table, and how far the requests are apart.
    pub(crate) fn rows(&self, name: &str) -> String {
        let mut text = String::new();
        let all = [("without", &self.without), ("without", &self.again), ("with", &self.with)];
        for (layer, runs) in all {
            let (rate, p50, p99) = (runs.rate(), runs.p50(), runs.p99());
            let apart = 100.0 * (rate.median / self.without.rate().median - 1.0);
            let _ = writeln!(text, "| {name} | {layer} | {rate}, {apart:+.1} % | {p50} | {p99} |");
        }
        text
    }

    /// Whether as many are answered with the layer, but for a share of `most`, or for chance.
    pub(crate) fn keeps_requests(&self, most: f64) -> bool {
        let [without, again, with] =
            [&self.without, &self.again, &self.with].map(|runs| runs.rate().median);
        let chance = (again / without - 1.0).abs();
        with >= without.max(again) * (1.0 - most.max(chance))
    }

    /// Whether 99 of 100 are answered as early with the layer, but for `most` microseconds, or for
    /// chance.
    pub(crate) fn keeps_delay(&self, most: f64) -> bool {
        let [without, again, with] =
            [&self.without, &self.again, &self.with].map(|runs| runs.p99().median);
        let chance = (again - without).abs();
        with <= without.min(again) + chance.max(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(rate: f64, p99: f64) -> Runs {
        Runs([0.9, 1.0, 1.0, 1.0, 1.2].map(|part| Run { rate: rate * part, p50: 1.0, p99 }).into())
    }

    #[test]
    fn a_row_has_the_median_the_least_and_the_most() {
        let three = Three::of([runs(100.0, 9.0), runs(100.0, 9.0), runs(98.0, 9.0)]);

        let rows = three.rows("axum");

        let last = rows.lines().last();
        let expected = "| axum | with | 98 (88 to 118), -2.0 % | 1 (1 to 1) | 9 (9 to 9) |";
        assert_eq!(last, Some(expected));
    }

    #[test]
    fn the_layer_may_cost_three_percent_or_chance() {
        for (without, again, with, holds) in [
            (100.0, 100.0, 97.5, true),
            (100.0, 100.0, 96.0, false),
            (100.0, 95.0, 96.0, true),
            (100.0, 95.0, 94.0, false),
        ] {
            let three = Three::of([without, again, with].map(|rate| runs(rate, 9.0)));

            assert_eq!(three.keeps_requests(0.03), holds, "{without}, {again}, {with}");
        }
    }

    #[test]
    fn the_layer_may_come_later_by_a_limit_or_by_chance() {
        for (without, again, with, holds) in
            [(500.0, 510.0, 590.0, true), (500.0, 510.0, 610.0, false), (500.0, 700.0, 690.0, true)]
        {
            let three = Three::of([without, again, with].map(|p99| runs(100.0, p99)));

            assert_eq!(three.keeps_delay(100.0), holds, "{without}, {again}, {with}");
        }
    }
}
