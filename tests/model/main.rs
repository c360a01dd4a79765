//! The circuit against a naive model of it, over random settings and scripts.
//!
//! `PROPTEST_CASES` scales the number of scripts; without optimisation it is far slower, so
//! `tests/run.sh` builds this with `--release`. What fails is kept in `regressions.txt`, which is
//! committed and tried first: a line there means the same only as long as `strategies` draws alike.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod compare;
mod keyed;
mod model;
mod script;
mod settings;
mod strategies;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/regressions.txt");
const REGRESSIONS_KEYED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/regressions-keyed.txt");

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
        script::run(settings, &script).map_err(TestCaseError::fail)?;
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
