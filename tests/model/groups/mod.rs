//! Groups against a naive model of them, over random scripts.

mod model;
mod run;
mod step;

pub(crate) use self::run::run;
pub(crate) use self::step::script;
