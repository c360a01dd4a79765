//! Errors of calls through a circuit: rejections, and the errors of the inner service.

mod chain;
mod text;

use std::error::Error as StdError;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

pub use self::chain::ErrorChain;
#[cfg(feature = "hyper-util-01")]
pub(crate) use self::chain::sources;
pub(crate) use self::chain::{find_in_chain, find_source, known_rejection};
pub use self::text::{ErrorRef, ErrorText};
use crate::clock::SharedClock;
use crate::engine::outcome::FailureKind;
use crate::engine::record::kinds::KindsWith;
use crate::engine::time::Nanos;
use crate::sync::Arc;

/// A boxed error, as tower's layers use it.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// The error of a call through a circuit: a rejection, or the inner service's own error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a call is admitted or not")]
pub enum Error<E> {
    /// The circuit rejected the call; the inner service was not called.
    Rejected(Rejected),
    /// The inner service's own error.
    Inner(E),
}

impl<E> Error<E> {
    /// Returns the rejection, if it is one.
    #[must_use]
    pub const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(_) => None,
        }
    }

    /// Returns the rejection or the inner service's error, boxed.
    ///
    /// So it has the shape of the errors of tower's layers: [`Rejected::find`] finds a rejection in
    /// it, and `downcast` gives the inner error back.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{BoxError, Circuit, Rejected};
    ///
    /// fn plants(circuit: &Circuit) -> Result<String, BoxError> {
    ///     circuit.run(|| std::fs::read_to_string("plants")).map_err(|error| error.boxed())
    /// }
    ///
    /// let circuit = Circuit::builder("disk").build();
    /// assert!(plants(&circuit).unwrap_err().downcast::<std::io::Error>().is_ok());
    /// circuit.trip();
    /// assert!(Rejected::find(&*plants(&circuit).unwrap_err()).is_some());
    /// ```
    pub fn boxed(self) -> BoxError
    where
        E: Into<BoxError>,
    {
        match self {
            Self::Rejected(rejected) => rejected.into(),
            Self::Inner(error) => error.into(),
        }
    }

    /// Returns the inner service's error, if it is one.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(_) => f.write_str("the call was rejected"),
            Self::Inner(_) => f.write_str("the call failed"),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(error) => Some(error),
        }
    }
}

/// The rejection of a call: by which circuit, why, and when to try again.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejected {
    // Two words: a rejection comes in registers, and adds little to the size of an error.
    circuit: Arc<Name>,
    grounds: PackedReason,
}

/// What a rejection knows of its circuit, behind one thin pointer: the name, and the last failure.
pub(crate) type Name = KindsWith<Label>;

/// What is kept beside the failures of a circuit.
pub(crate) struct Label {
    text: Arc<str>,
    clock: SharedClock,
}

/// A reason, with the nanoseconds that are left if the circuit is open.
#[derive(Clone, Copy, PartialEq, Eq)]
struct PackedReason(u64);

/// The reason why a call was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectReason {
    /// The circuit is open.
    Open,
    /// The circuit is half-open, and all its probes are in flight.
    ProbesBusy,
    /// An operator forced the circuit open.
    ForcedOpen,
    /// The inner service was not polled for readiness, because the circuit was rejecting then.
    ///
    /// The circuit would admit the call now: poll the service for readiness again.
    NotReady,
    /// The circuit is closed and sheds calls while it ramps up after a recovery.
    ///
    /// See [`ramp`](crate::CircuitBuilder::ramp). Another call may be admitted at once.
    Ramping,
    /// The circuit is closed and sheds calls to an upstream that refuses many.
    ///
    /// See [`throttle`](crate::CircuitBuilder::throttle). Another call may be admitted at once.
    Throttled,
}

impl RejectReason {
    /// Returns the name used in metrics, logs and JSON, such as `probes_busy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ProbesBusy => "probes_busy",
            Self::ForcedOpen => "forced_open",
            Self::NotReady => "not_ready",
            Self::Ramping => "ramping",
            Self::Throttled => "throttled",
        }
    }
}

impl Rejected {
    #[inline]
    pub(crate) const fn open(circuit: Arc<Name>, left: Nanos) -> Self {
        Self { circuit, grounds: PackedReason::open(left) }
    }

    #[inline]
    pub(crate) const fn busy(circuit: Arc<Name>) -> Self {
        Self { circuit, grounds: PackedReason::PROBES_BUSY }
    }

    #[inline]
    pub(crate) const fn forced_open(circuit: Arc<Name>) -> Self {
        Self { circuit, grounds: PackedReason::FORCED_OPEN }
    }

    /// Forced open for `left`.
    pub(crate) const fn forced_open_for(circuit: Arc<Name>, left: Nanos) -> Self {
        Self { circuit, grounds: PackedReason::forced_open_for(left) }
    }

    #[inline]
    pub(crate) const fn not_ready(circuit: Arc<Name>) -> Self {
        Self { circuit, grounds: PackedReason::NOT_READY }
    }

    #[inline]
    pub(crate) const fn ramping(circuit: Arc<Name>) -> Self {
        Self { circuit, grounds: PackedReason::RAMPING }
    }

    #[inline]
    pub(crate) const fn throttled(circuit: Arc<Name>) -> Self {
        Self { circuit, grounds: PackedReason::THROTTLED }
    }

    /// Returns the name of the circuit that rejected the call.
    #[must_use]
    pub fn circuit(&self) -> &str {
        self.circuit.text()
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        self.circuit.text()
    }

    /// Returns why the call was rejected.
    #[must_use]
    pub const fn reason(&self) -> RejectReason {
        self.grounds.reason()
    }

    /// Returns how long the circuit stayed open from then on, if that is known.
    ///
    /// `None` for every reason but [`Open`](RejectReason::Open), and
    /// [`ForcedOpen`](RejectReason::ForcedOpen) where an operator gave it an end.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.grounds.left()
    }

    /// The kind of the last failure of the circuit, and how long ago it ended.
    pub(crate) fn failed_last(&self) -> Option<(FailureKind, Duration)> {
        self.circuit.failed_last()
    }

    /// Finds a rejection in `error` or among its sources.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{BoxError, Circuit, RejectReason, Rejected};
    ///
    /// let circuit = Circuit::builder("api").build();
    /// circuit.force_open();
    ///
    /// let error: BoxError = circuit.try_acquire().unwrap_err().into();
    /// let rejected = Rejected::find(&*error).expect("it was rejected");
    /// assert_eq!(rejected.circuit(), "api");
    /// assert_eq!(rejected.reason(), RejectReason::ForcedOpen);
    /// ```
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        find_source(error)
    }

    /// Returns the rejection that ends first, for a caller that can use any of the circuits.
    ///
    /// Probes in flight may end at any moment, and come before an open time that is left; a circuit
    /// that an operator forced open without an end comes last. `None` if there are no rejections.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::{Circuit, Rejected};
    ///
    /// let rejections = [("paid", 60), ("free", 20)].map(|(name, seconds)| {
    ///     let circuit = Circuit::builder(name).build();
    ///     circuit.trip_for(Duration::from_secs(seconds));
    ///     circuit.try_acquire().unwrap_err()
    /// });
    ///
    /// let soonest = Rejected::earliest(&rejections).expect("there are two");
    /// assert_eq!(soonest.circuit(), "free");
    /// ```
    #[must_use]
    pub fn earliest<'a>(rejections: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        rejections.into_iter().min_by_key(|rejected| match rejected.reason() {
            RejectReason::ForcedOpen => rejected.retry_after().unwrap_or(Duration::MAX),
            _ => rejected.retry_after().unwrap_or(Duration::ZERO),
        })
    }
}

impl Label {
    pub(crate) const fn new(text: Arc<str>, clock: SharedClock) -> Self {
        Self { text, clock }
    }
}

impl Name {
    #[inline]
    pub(crate) const fn text(&self) -> &Arc<str> {
        &self.with.text
    }

    fn failed_last(&self) -> Option<(FailureKind, Duration)> {
        let (kind, at) = self.kinds.last()?;
        Some((kind, self.with.clock.now().since(at)))
    }

    fn last_error(&self) -> Option<ErrorText> {
        let (_, at) = self.kinds.last()?;
        self.kinds.text_at(at).map(ErrorText::new)
    }
}

// Its clock is read alone, and nothing is changed by that; what describes errors is not called.
impl UnwindSafe for Name {}
impl RefUnwindSafe for Name {}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Name {}

impl PackedReason {
    const PROBES_BUSY: Self = Self(u64::MAX);
    const FORCED_OPEN: Self = Self(u64::MAX - 1);
    const NOT_READY: Self = Self(u64::MAX - 2);
    const RAMPING: Self = Self(u64::MAX - 3);
    const THROTTLED: Self = Self(u64::MAX - 4);
    /// Forced open for the nanoseconds in the other bits.
    const FORCED_FOR: u64 = 1 << 63;
    /// 146 years.
    const LONGEST: u64 = (1 << 62) - 1;

    const fn open(left: Nanos) -> Self {
        Self(Self::at_most(left))
    }

    const fn forced_open_for(left: Nanos) -> Self {
        Self(Self::FORCED_FOR | Self::at_most(left))
    }

    const fn at_most(left: Nanos) -> u64 {
        let left = left.get();
        if left > Self::LONGEST { Self::LONGEST } else { left }
    }

    const fn reason(self) -> RejectReason {
        match self {
            Self::PROBES_BUSY => RejectReason::ProbesBusy,
            Self::NOT_READY => RejectReason::NotReady,
            Self::RAMPING => RejectReason::Ramping,
            Self::THROTTLED => RejectReason::Throttled,
            Self::FORCED_OPEN | Self(Self::FORCED_FOR..) => RejectReason::ForcedOpen,
            Self(_) => RejectReason::Open,
        }
    }

    const fn left(self) -> Option<Duration> {
        match self.reason() {
            RejectReason::Open => Some(Duration::from_nanos(self.0)),
            RejectReason::ForcedOpen if self.0 != Self::FORCED_OPEN.0 => {
                Some(Duration::from_nanos(self.0 ^ Self::FORCED_FOR))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("circuit", &self.circuit())
            .field("reason", &self.reason())
            .field("retry_after", &self.retry_after())
            .finish()
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let circuit = self.circuit();
        match self.reason() {
            RejectReason::Open => write!(f, "circuit {circuit:?} is open")?,
            RejectReason::ProbesBusy => {
                write!(f, "circuit {circuit:?} is half-open and its probes are in flight")?;
            }
            RejectReason::ForcedOpen => write!(f, "circuit {circuit:?} is forced open")?,
            RejectReason::NotReady => {
                write!(f, "circuit {circuit:?} was rejecting when asked whether it is ready")?;
            }
            RejectReason::Ramping => {
                write!(f, "circuit {circuit:?} lets traffic back in little by little")?;
            }
            RejectReason::Throttled => {
                write!(f, "circuit {circuit:?} holds calls back from a busy upstream")?;
            }
        }
        match self.retry_after() {
            Some(left) => write!(f, ", retry after {:.1} s", left.as_secs_f64()),
            None => Ok(()),
        }
    }
}

impl StdError for Rejected {}
