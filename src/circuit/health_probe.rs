//! Health probes: asking an upstream in the background whether it has recovered (feature `tokio`).

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::circuit::Circuit;
use crate::circuit::builder::rule::not_zero;
use crate::circuit::weak::WeakCircuit;
use crate::engine::machine::health::OpenEpoch;
use crate::engine::rules::backoff::{Backoff, JitterRng};
use crate::events::history::Subscription;
use crate::sync::catch_panic::catch_panic;

/// A background task that checks whether an upstream has recovered (feature `tokio`).
///
/// From [`Circuit::health_probe`]. Without one, the first calls after the open time find out
/// whether the upstream has recovered: they are real calls of real users, and some of them fail.
/// With one, none of them is spent: the circuit stays open until the probe returns `true`, however
/// long that takes, and is then half-open, or closed at once ([`then_close`](Self::then_close)).
///
/// For upstreams with a health endpoint, or a call that is cheap and says enough. Not where only
/// real calls tell: an endpoint that answers while the service behind it does not would close the
/// circuit of an upstream that fails. Half-open, the default, is safe against that: the next calls
/// are probes. Not together with `redis::RedisSync`, whose leases decide which process probes.
///
/// While the circuit is open the probe is asked after each `interval`, less up to half of it at
/// random, so that many processes do not ask in step; the first time after one such pause. An
/// answer that takes longer than [`timeout`](Self::timeout), and a panic, count as `false`. The
/// open time no longer matters, except for an epoch that the upstream itself asked for
/// ([`Outcome::TripFor`](crate::Outcome::TripFor)), that an operator began, or that was restored
/// from an earlier process ([`restore`](crate::CircuitBuilder::restore)): the upstream is not asked
/// before its end. The [`retry_after`](crate::Rejected::retry_after) of a rejection is the latest
/// time at which the probe's next answer comes, plus a second. A circuit that is forced open or
/// isolated is left alone.
///
/// [`run`](Self::run) is a future to be spawned. It does not keep the circuit alive and ends with
/// it. If it ends or stops earlier, because its runtime is shut down, calls probe the circuit again
/// once that time has ended: no circuit stays open because its health probe is gone.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Circuit, CircuitState};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let circuit = Circuit::builder("search").consecutive_failures(5).build();
/// let is_up = || async {
///     // Such as a GET of its health endpoint.
///     true
/// };
/// tokio::spawn(circuit.health_probe(Duration::from_secs(5), is_up).then_close().run());
/// # tokio::task::yield_now().await;
///
/// for _ in 0..5 {
///     let _ = circuit.call(async { Err::<(), _>("refused") }).await;
/// }
/// assert_eq!(circuit.state(), CircuitState::Open);
///
/// tokio::time::sleep(Duration::from_secs(6)).await;
/// assert_eq!(circuit.state(), CircuitState::Closed);
/// # }
/// ```
#[must_use = "a health probe does nothing until it is run"]
pub struct HealthProbe<P> {
    circuit: WeakCircuit,
    changes: Subscription,
    /// A pause is one step of it.
    interval: Backoff,
    timeout: Duration,
    then: Then,
    random: JitterRng,
    /// The last epoch whose beginning was waited out.
    waited: u64,
    /// The last epoch that was seen, and when, and for how long it was not to be asked then.
    seen: (u64, Option<(Instant, Duration)>),
    probe: P,
}

/// The state of the circuit after a probe that returned `true`.
#[derive(Debug, Clone, Copy)]
enum Then {
    HalfOpen,
    Close,
}

/// How much longer a circuit stays open for a probe that is late: long enough for a busy runtime.
const GRACE: Duration = Duration::from_secs(1);

impl Circuit {
    /// Makes a health probe, which asks `probe` while the circuit is open (feature `tokio`).
    ///
    /// It probes in the background, in the place of calls; see [`HealthProbe`].
    ///
    /// # Panics
    ///
    /// Panics if `interval` is zero.
    #[track_caller]
    #[doc(alias = "healthCheck")]
    pub fn health_probe<P, F>(&self, interval: Duration, probe: P) -> HealthProbe<P>
    where
        P: FnMut() -> F,
        F: Future<Output = bool>,
    {
        HealthProbe::new(self, not_zero("interval", interval), probe)
    }
}

impl<P> HealthProbe<P> {
    pub(crate) fn new(circuit: &Circuit, interval: Duration, probe: P) -> Self {
        Self {
            circuit: circuit.downgrade(),
            changes: circuit.subscribe(),
            interval: Backoff::exponential(interval, interval),
            timeout: interval,
            then: Then::HalfOpen,
            random: JitterRng::new(RandomState::new().hash_one(circuit.name())),
            waited: 0,
            seen: (0, None),
            probe,
        }
    }

    /// Sets how long an answer of the probe may take.
    ///
    /// Default: the interval.
    ///
    /// # Panics
    ///
    /// Panics if `timeout` is zero.
    #[track_caller]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: not_zero("timeout", timeout), ..self }
    }

    /// Closes the circuit as soon as the probe returns `true`, without further probes by calls.
    ///
    /// Default: the circuit is then half-open.
    pub fn then_close(self) -> Self {
        Self { then: Then::Close, ..self }
    }
}

impl<P, F> HealthProbe<P>
where
    P: FnMut() -> F,
    F: Future<Output = bool>,
{
    /// Asks the probe whenever the circuit is open, until the circuit is dropped.
    ///
    /// # Panics
    ///
    /// Panics when polled outside of a tokio runtime with a timer.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the probe in flight; calls probe the circuit again.
    pub async fn run(mut self) {
        loop {
            let Some(circuit) = self.circuit.upgrade() else { return };
            let open_epoch = circuit.open_epoch();
            drop(circuit);
            let is_well = match open_epoch {
                Some(open_epoch) => self.watch(open_epoch).await,
                None => false,
            };
            // Found well, closed, half-open or forced: nothing to do before the next change.
            if (is_well || open_epoch.is_none()) && self.changes.next().await.is_none() {
                return;
            }
        }
    }

    /// Asks once, after a pause; returns whether the upstream is well. `false` also when the
    /// circuit has changed meanwhile.
    async fn watch(&mut self, open_epoch: OpenEpoch) -> bool {
        let leave_alone = self.left_alone(open_epoch);
        let pause = self.interval.step(0, self.random.roll()).max(leave_alone);
        let longest = pause.saturating_add(self.timeout).saturating_add(GRACE);
        if !self.with(|circuit| circuit.extend_open(open_epoch, longest)) {
            return false;
        }
        if unless_changed(&mut self.changes, sleep(pause)).await.is_none() {
            return false;
        }
        self.waited = open_epoch.epoch;
        let answer = timeout(self.timeout, ask(&mut self.probe));
        let is_well = unless_changed(&mut self.changes, answer).await == Some(Ok(true));
        is_well
            && self.with(|circuit| match self.then {
                Then::HalfOpen => circuit.extend_open(open_epoch, Duration::ZERO),
                Then::Close => circuit.close_after_probe(open_epoch),
            })
    }

    /// How much longer the upstream is not to be asked. It counts from the first look at the epoch:
    /// this probe itself lets it last longer, and any change of the circuit begins a pause anew.
    fn left_alone(&mut self, open_epoch: OpenEpoch) -> Duration {
        if self.waited == open_epoch.epoch {
            return Duration::ZERO;
        }
        let (epoch, seen) = self.seen;
        if epoch != open_epoch.epoch {
            self.seen = (open_epoch.epoch, Some((Instant::now(), open_epoch.leave_alone)));
            return open_epoch.leave_alone;
        }
        seen.map_or(open_epoch.leave_alone, |(at, time)| time.saturating_sub(at.elapsed()))
    }

    /// `false` when there is no circuit any more.
    fn with(&self, f: impl FnOnce(&Circuit)) -> bool {
        self.circuit.upgrade().map(|circuit| f(&circuit)).is_some()
    }
}

/// Asks the probe; a panic, in it or in its future, counts as `false`.
async fn ask<P, F>(probe: &mut P) -> bool
where
    P: FnMut() -> F,
    F: Future<Output = bool>,
{
    let mut asked = None;
    catch_panic(|| asked = Some(probe()));
    let Some(asked) = asked else { return false };
    let mut asked = pin!(asked);
    poll_fn(|cx| {
        let mut polled = Poll::Ready(false);
        catch_panic(|| polled = asked.as_mut().poll(cx));
        polled
    })
    .await
}

/// Awaits `future`, unless the circuit changes meanwhile or is gone.
async fn unless_changed<F: Future>(changes: &mut Subscription, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if changes.poll_next(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::as_mut(&mut future).poll(cx).map(Some)
    })
    .await
}

impl<P> fmt::Debug for HealthProbe<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthProbe")
            .field("circuit", &self.circuit.upgrade())
            .field("interval", &self.interval.max())
            .field("timeout", &self.timeout)
            .field("then", &self.then)
            .field("probe", &std::any::type_name::<P>())
            .finish_non_exhaustive()
    }
}
