//! Searching the chain of an error's sources for a type.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::{io, iter};

use crate::error::{BoxError, Error, Rejected};
use crate::sync::Arc;

/// An error whose chain of sources can be searched.
///
/// Every search by type goes through this trait: for a [`Rejected`] by
/// [`ErrorsAsFailures::in_chain`](crate::ErrorsAsFailures::in_chain) and by the retry policy, for
/// any type by [`ignoring`](crate::CircuitBreakerLayer::ignoring) and
/// [`not_sent`](crate::CircuitBreakerLayer::not_sent). They require it as a bound, so that a
/// service whose errors cannot be searched does not compile.
///
/// Implemented for boxed and counted errors (`Box<dyn Error>`, `Arc<dyn Error>`, each also with
/// `Send` and with `Send + Sync`), [`Rejected`], [`Infallible`], [`io::Error`], [`Error<E>`](Error)
/// where it is for `E`, and the errors of clients: of hyper and of hyper-util's legacy client
/// (feature `hyper-util-01`), of reqwest (feature `reqwest-013`), and tonic's `Status` (feature
/// `tonic-014`).
///
/// There is no implementation for every `E: std::error::Error`, since [`BoxError`] is no such type
/// and needs one of its own. For an error type of your own, implement it in one line. For an error
/// type of another crate, name the type instead:
/// [`ignoring_in`](crate::CircuitBreakerLayer::ignoring_in),
/// [`not_sent_in`](crate::CircuitBreakerLayer::not_sent_in).
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use std::fmt;
/// use tower_circuit_breaker::{BoxError, ErrorChain};
///
/// #[derive(Debug)]
/// struct ShopError(BoxError);
///
/// impl ErrorChain for ShopError {
///     fn first(&self) -> Option<&(dyn Error + 'static)> {
///         Some(self)
///     }
/// }
///
/// impl Error for ShopError {
///     fn source(&self) -> Option<&(dyn Error + 'static)> {
///         Some(&*self.0)
///     }
/// }
/// # impl fmt::Display for ShopError {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
/// #         f.write_str("the shop failed")
/// #     }
/// # }
/// # assert!(ShopError("closed".into()).first().unwrap().is::<ShopError>());
/// ```
#[diagnostic::on_unimplemented(
    message = "errors of type `{Self}` cannot be looked through",
    label = "`{Self}` does not say where its chain of sources begins",
    note = "for an error type of your own: implement `ErrorChain`, with `Some(self)` for `first`",
    note = "for somebody else's: `ignoring_in::<X, {Self}>()` instead of `ignoring::<X>()`, \
            `not_sent_in::<X, {Self}>()` instead of `not_sent::<X>()`, \
            and `find_with` for a retry policy"
)]
pub trait ErrorChain {
    /// Returns the first error of the chain: this one, the one that it holds, or none.
    fn first(&self) -> Option<&(dyn StdError + 'static)>;
}

/// `error` and its sources.
///
/// No more than 64 of them, since a longer chain is a loop: `source` is user code.
pub(crate) fn sources<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| source(*error)).take(LONGEST_CHAIN)
}

fn source<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    // The source of an `io::Error` is that of the error within, which it passes over.
    match error.downcast_ref().and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

const LONGEST_CHAIN: usize = 64;

/// The first `X` among `error` and its sources.
pub(crate) fn find_source<'a, X: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a X> {
    sources(error).find_map(|error| error.downcast_ref())
}

/// The first `X` in the chain of `error`.
pub(crate) fn find_in_chain<X: StdError + 'static>(error: &impl ErrorChain) -> Option<&X> {
    find_source(error.first()?)
}

/// The rejection in `error`, if it is of a type that [`known_first`] knows.
pub(crate) fn known_rejection<E: 'static>(error: &E) -> Option<&Rejected> {
    find_source(known_first(error)?)
}

/// Errors of these types are searched even without a bound of [`ErrorChain`], and so are they
/// within [`Error`], nested twice at most: the types cannot be recognised without a list.
macro_rules! known_errors {
    ($($(#[$feature:meta])? $known:ty, $error:ident => $first:expr;)*) => {
        $(
            $(#[$feature])?
            impl ErrorChain for $known {
                fn first(&self) -> Option<&(dyn StdError + 'static)> {
                    let $error = self;
                    Some($first)
                }
            }
        )*

        /// The first error of the chain of `error`, if it is of a known type.
        #[inline]
        fn known_first<E: 'static>(error: &E) -> Option<&(dyn StdError + 'static)> {
            let first = None;
            $(
                $(#[$feature])?
                let first = first.or_else(|| first_of::<$known>(error));
            )*
            first
        }
    };
}

known_errors! {
    BoxError, error => &**error;
    Box<dyn StdError + Send>, error => &**error;
    Box<dyn StdError>, error => &**error;
    Arc<dyn StdError + Send + Sync>, error => &**error;
    Arc<dyn StdError + Send>, error => &**error;
    Arc<dyn StdError>, error => &**error;
    Rejected, error => error;
    Infallible, error => error;
    io::Error, error => error;
    #[cfg(feature = "hyper-util-01")]
    hyper::Error, error => error;
    #[cfg(feature = "hyper-util-01")]
    hyper_util::client::legacy::Error, error => error;
    #[cfg(feature = "reqwest-013")]
    reqwest::Error, error => error;
    #[cfg(feature = "tonic-014")]
    tonic::Status, error => error;
}

impl<E: ErrorChain> ErrorChain for Error<E> {
    fn first(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(error) => error.first(),
        }
    }
}

#[inline]
fn first_of<K: ErrorChain + 'static>(error: &dyn Any) -> Option<&(dyn StdError + 'static)> {
    if let Some(error) = error.downcast_ref::<K>() {
        return error.first();
    }
    if let Some(error) = error.downcast_ref::<Error<K>>() {
        return error.first();
    }
    error.downcast_ref::<Error<Error<K>>>()?.first()
}
