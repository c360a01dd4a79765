//! The guide: programs to copy, how to choose settings, and what goes wrong.
//!
//! - [`tutorial`]: one outage, watched, from the first failure to the last probe
//! - [`programs`]: whole programs with their `cargo add` lines: hyper-util, a service with reqwest,
//!   axum, tonic, replicas, the page
//! - [`settings`]: from calls a second to window, minimum and open time; presets
//! - [`stack`]: the layers from outside to inside, and what each of tower's does on either side
//! - [`traps`]: the mistakes that compile
//! - [`troubleshooting`]: what a circuit does that it should not, from what its snapshot shows
//! - [`health`]: what probes and balancers may ask, and why an outage must not restart its callers
//! - [`limits`]: bulkheads, and thresholds that adapt
//! - [`cookbook`]: stale answers, balancers, tenants, shutdown, an API of your own
//! - [`upstreams`]: which circuit for what, and how it is set
//! - [`migration`]: from resilience4j, tower-resilience, failsafe, Polly and gobreaker
//! - [`compiler`]: what the compiler says of the mistakes that do not compile
//!
//! Every trap is a test of this crate, here or in `tests/it/traps`, every stack and program shown is
//! compiled, and what the compiler says is what it printed (`tests/messages`). What the others do,
//! claim by claim with its test: `docs/COMPARISON.md` in the repository.

// A page links to what a feature brings by a label of `guide/links`: without the feature `full` these
// lead to docs.rs.
pub mod compiler;
pub mod cookbook;
pub mod health;
pub mod limits;
pub mod migration;
pub mod programs;
pub mod settings;
pub mod stack;
pub mod traps;
pub mod troubleshooting;
pub mod tutorial;
pub mod upstreams;
