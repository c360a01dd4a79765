//! Rejection strategies: what a caller receives when its call is rejected.
//!
//! | strategy | the service's error | for |
//! |---|---|---|
//! | [`Typed`], the default | [`Error<E>`](Error) | clients that `match` on rejections |
//! | [`Boxed`] | [`BoxError`] | stacks of tower layers |
//! | [`SameError`] | `E`, which is `From<Rejected>` | an application's own error type |
//! | [`RespondWith`] | `E`; a rejection becomes a response | servers, such as axum routers |
//! | [`Fallback`] | `E`; a rejection becomes another call | caches, defaults, a second upstream |
//! | [`FallbackOnFailure`] | `E`; a rejection becomes another call, and so does a failed call | the same, where requests may be cloned |
//! | `tonic::AsStatus` (feature `tonic-014`) | tonic's `Status`; a rejection is `UNAVAILABLE` | channels of tonic's clients |

mod on_failure;

use std::fmt;
use std::future::{Future, Ready, ready};

pub use self::on_failure::{FallbackCause, FallbackOnFailure, KeptRequest};
use crate::error::{BoxError, Error, Rejected};

/// Passes the inner service's errors on to the caller.
///
/// Sealed: the strategies of this module implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot pass on errors of type `{E}`",
    note = "`.boxed()`, like `tonic::layer`, asks that `{E}` can become a `BoxError`: that it implements \
            `std::error::Error`, and is `Send`, `Sync` and `'static`",
    note = "`.same_error()` asks for `impl From<Rejected> for {E}`",
    note = "the default, a typed error, takes every `{E}`",
    note = "where there are no errors, as in axum's routes, answer with a response: \
            `.respond_with(http::service_unavailable)`"
)]
pub trait PassOn<E>: sealed::Sealed {
    /// The error of the guarded service.
    type Error;

    /// Converts an error of the inner service into that of the guarded service.
    fn pass_on(error: E) -> Self::Error;
}

/// Answers rejected calls.
///
/// Sealed: the strategies of this module implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer the rejected calls of a service with `Result<{T}, {E}>`",
    note = "`.boxed()`, like `tonic::layer`, asks that `{E}` can become a `BoxError`: that it implements \
            `std::error::Error`, and is `Send`, `Sync` and `'static`",
    note = "`.same_error()` asks for `impl From<Rejected> for {E}`",
    note = "`.respond_with(..)` takes a `Fn(Rejected) -> {T}`, and `.fallback(..)` a function of \
            the request and the `Rejected` whose future resolves to `Result<{T}, {E}>`"
)]
pub trait Answer<Req, T, E>:
    PassOn<E> + Recover<<Self as Answer<Req, T, E>>::Kept, T, E, <Self as Answer<Req, T, E>>::Future>
{
    /// The future of the answer to a rejected call.
    type Future: Future<Output = Result<T, Self::Error>>;

    /// What is kept of the request of an admitted call, for when it fails; often `()`.
    type Kept;

    /// Keeps what is needed when an admitted call fails.
    fn keep(&self, request: &Req) -> Self::Kept;

    /// Answers a rejected call.
    fn answer(&self, request: Req, rejected: Rejected) -> Self::Future;
}

/// Answers calls that failed, or leaves them as they are.
///
/// Sealed: [`FallbackOnFailure`] alone has an answer. `K` is what was kept of the request, `G` the
/// future of the answer.
pub trait Recover<K, T, E, G>: sealed::Sealed {
    /// Whether there is an answer to a failed call.
    const RECOVERS: bool = false;

    /// Answers a failed call; asked only if there is an answer.
    fn recover(&self, kept: &mut K, result: Result<T, E>) -> G {
        let _ = (kept, result);
        unreachable!("this strategy has no answer to a failed call")
    }
}

/// The strategy of a layer for which none was chosen, so that one may be.
///
/// Sealed: [`Typed`], the default, alone implements it.
#[diagnostic::on_unimplemented(
    message = "this layer has a rejection strategy already: `{Self}`",
    note = "a layer has one of `boxed()`, `same_error()`, `respond_with(..)`, `fallback(..)` and \
            `fallback_on_failure(..)`: call that alone",
    note = "`tonic::layer` has made its choice; `http::grpc_layer` leaves it to you"
)]
pub trait Unchosen: sealed::Sealed {}

impl Unchosen for Typed {}

/// Returns rejections as [`Error::Rejected`], other errors as [`Error::Inner`].
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct Typed;

/// Boxes all errors; [`Rejected::find`] finds the rejections among them.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct Boxed;

/// Turns rejections into the inner service's error type.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct SameError;

/// Turns rejections into responses.
#[derive(Clone, Copy)]
pub struct RespondWith<F>(F);

/// Answers rejected requests with another call.
#[derive(Clone, Copy)]
pub struct Fallback<F>(F);

impl<F> RespondWith<F> {
    pub(crate) const fn new(respond: F) -> Self {
        Self(respond)
    }
}

impl<F> Fallback<F> {
    pub(crate) const fn new(fallback: F) -> Self {
        Self(fallback)
    }
}

impl<E> PassOn<E> for Typed {
    type Error = Error<E>;

    fn pass_on(error: E) -> Error<E> {
        Error::Inner(error)
    }
}

impl<Req, T, E> Answer<Req, T, E> for Typed {
    type Future = Ready<Result<T, Error<E>>>;
    type Kept = ();

    fn keep(&self, _request: &Req) {}

    fn answer(&self, _request: Req, rejected: Rejected) -> Self::Future {
        ready(Err(Error::Rejected(rejected)))
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> PassOn<E> for Boxed {
    type Error = BoxError;

    fn pass_on(error: E) -> BoxError {
        error.into()
    }
}

#[diagnostic::do_not_recommend]
impl<Req, T, E: Into<BoxError>> Answer<Req, T, E> for Boxed {
    type Future = Ready<Result<T, BoxError>>;
    type Kept = ();

    fn keep(&self, _request: &Req) {}

    fn answer(&self, _request: Req, rejected: Rejected) -> Self::Future {
        ready(Err(rejected.into()))
    }
}

#[diagnostic::do_not_recommend]
impl<E: From<Rejected>> PassOn<E> for SameError {
    type Error = E;

    fn pass_on(error: E) -> E {
        error
    }
}

#[diagnostic::do_not_recommend]
impl<Req, T, E: From<Rejected>> Answer<Req, T, E> for SameError {
    type Future = Ready<Result<T, E>>;
    type Kept = ();

    fn keep(&self, _request: &Req) {}

    fn answer(&self, _request: Req, rejected: Rejected) -> Self::Future {
        ready(Err(rejected.into()))
    }
}

impl<F, Req, T, E> Answer<Req, T, E> for RespondWith<F>
where
    F: Fn(Rejected) -> T,
{
    type Future = Ready<Result<T, E>>;
    type Kept = ();

    fn keep(&self, _request: &Req) {}

    fn answer(&self, _request: Req, rejected: Rejected) -> Self::Future {
        ready(Ok((self.0)(rejected)))
    }
}

impl<F, Fut, Req, T, E> Answer<Req, T, E> for Fallback<F>
where
    F: Fn(Req, Rejected) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Future = Fut;
    type Kept = ();

    fn keep(&self, _request: &Req) {}

    fn answer(&self, request: Req, rejected: Rejected) -> Fut {
        (self.0)(request, rejected)
    }
}

/// Strategies that pass errors on as they are.
macro_rules! passes_errors_on {
    ($($strategy:ident)*) => {$(
        impl<F, E> PassOn<E> for $strategy<F> {
            type Error = E;

            fn pass_on(error: E) -> E {
                error
            }
        }
    )*};
}

passes_errors_on! {
    RespondWith
    Fallback
    FallbackOnFailure
}

/// Strategies that leave failed calls as they are.
macro_rules! leaves_failures {
    ($([$($parameter:ident)?] $strategy:ty)*) => {$(
        impl<$($parameter,)? T, E, G> Recover<(), T, E, G> for $strategy {}
    )*};
}

leaves_failures! {
    [] Typed
    [] Boxed
    [] SameError
    [F] RespondWith<F>
    [F] Fallback<F>
}

impl<F> fmt::Debug for RespondWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RespondWith").field(&std::any::type_name::<F>()).finish()
    }
}

impl<F> fmt::Debug for Fallback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fallback").field(&std::any::type_name::<F>()).finish()
    }
}

pub(crate) mod sealed {
    use crate::service::rejection::{
        Boxed, Fallback, FallbackOnFailure, RespondWith, SameError, Typed,
    };

    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for Typed {}
    impl Sealed for Boxed {}
    impl Sealed for SameError {}
    impl<F> Sealed for RespondWith<F> {}
    impl<F> Sealed for Fallback<F> {}
    impl<F> Sealed for FallbackOnFailure<F> {}
}
