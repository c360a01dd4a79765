//! The circuit against a naive model of it, over random settings and scripts.
//!
//! `PROPTEST_CASES` scales the number of scripts; without optimisation it is far slower, so
//! `tests/run.sh` optimises what scripts run through. What fails is kept in `regressions.txt`, which is
//! committed and tried first: a line there means the same only as long as `strategies` draws alike.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod careless;
mod groups;
mod half_open;
mod keyed;
mod strategies;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tower_circuit_breaker::{Backoff, Circuit, TripRule};
use tower_circuit_breaker_test::{Conformance, model};

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions.txt");
const REGRESSIONS_CARELESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions-careless.txt");
const REGRESSIONS_KEYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions-keyed.txt");
const REGRESSIONS_CONFORMANCE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/regressions-conformance.txt");
const REGRESSIONS_GROUPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions-groups.txt");

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_failure_persistence(FileFailurePersistence::Direct(REGRESSIONS))
    })]

    #[test]
    fn the_circuit_does_what_the_model_does(
        settings in strategies::settings(),
        script in strategies::script(),
    ) {
        model::run(settings, &script).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_failure_persistence(
            FileFailurePersistence::Direct(REGRESSIONS_CARELESS)
        )
    })]

    #[test]
    fn careless_probes_do_what_the_model_does(
        settings in strategies::settings(),
        script in careless::script(),
    ) {
        model::run(settings, &script).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_failure_persistence(FileFailurePersistence::Direct(REGRESSIONS_KEYED))
    })]

    #[test]
    fn circuits_by_key_do_what_the_model_does(script in keyed::script()) {
        keyed::run(&script).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 1_000,
        ..ProptestConfig::with_failure_persistence(
            FileFailurePersistence::Direct(REGRESSIONS_CONFORMANCE)
        )
    })]

    #[test]
    fn whatever_the_settings_the_circuit_conforms(
        settings in strategies::settings(),
        seed in any::<u64>(),
        variant in 0..6_u8,
    ) {
        let make = move || {
            let set = settings.clone().build(Circuit::builder("model"));
            match variant {
                0 => {
                    let (first, longest) = (settings.first_open, settings.longest_open);
                    set.open_backoff(Backoff::exponential(first, longest))
                }
                1 => set.rule(TripRule::failure_rate(0.6).open_for(SECOND)),
                2 => set.ramp(20 * SECOND).throttle(1.5),
                // Confidences of no table.
                4 => set.failure_rate_confident(below_one(seed >> 32), 0.5 + below_one(seed) / 2.0),
                // Runs alone need no window.
                3 => Circuit::builder("model").consecutive_failures(3),
                _ => set,
            }
        };
        let ran = Conformance::new(make).seed(seed).cases(2).steps(120).run();
        ran.map_err(|broken| TestCaseError::fail(broken.to_string()))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_failure_persistence(FileFailurePersistence::Direct(REGRESSIONS_GROUPS))
    })]

    #[test]
    fn groups_do_what_the_model_does(script in groups::script()) {
        groups::run(&script).map_err(TestCaseError::fail)?;
    }
}

/// A share above 0 and below 1.
fn below_one(seed: u64) -> f64 {
    f64::from(u16::try_from(seed % 999).unwrap() + 1) / 1000.0
}

const SECOND: Duration = Duration::from_secs(1);
