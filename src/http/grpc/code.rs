//! The status codes of gRPC.

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};

/// A [status code](https://grpc.github.io/grpc/core/md_doc_statuscodes.html) of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these and no others")]
#[expect(missing_docs, reason = "their names say as much as gRPC does")]
pub enum GrpcCode {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl GrpcCode {
    const ALL: [(Self, &'static str); 17] = [
        (Self::Ok, "grpc_ok"),
        (Self::Cancelled, "grpc_cancelled"),
        (Self::Unknown, "grpc_unknown"),
        (Self::InvalidArgument, "grpc_invalid_argument"),
        (Self::DeadlineExceeded, "grpc_deadline_exceeded"),
        (Self::NotFound, "grpc_not_found"),
        (Self::AlreadyExists, "grpc_already_exists"),
        (Self::PermissionDenied, "grpc_permission_denied"),
        (Self::ResourceExhausted, "grpc_resource_exhausted"),
        (Self::FailedPrecondition, "grpc_failed_precondition"),
        (Self::Aborted, "grpc_aborted"),
        (Self::OutOfRange, "grpc_out_of_range"),
        (Self::Unimplemented, "grpc_unimplemented"),
        (Self::Internal, "grpc_internal"),
        (Self::Unavailable, "grpc_unavailable"),
        (Self::DataLoss, "grpc_data_loss"),
        (Self::Unauthenticated, "grpc_unauthenticated"),
    ];

    /// Returns the code of this number, if it is one of gRPC's.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).map(|(code, _)| *code)
    }

    /// Returns the name of the code as a kind of failure, such as `"grpc_unavailable"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    #[track_caller]
    pub(super) const fn must_be_an_error(self) {
        assert!(!matches!(self, Self::Ok), "OK is a success, and cannot be anything else");
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The `grpc-status` among `headers`; `UNKNOWN` if it is none of gRPC's.
    pub(super) fn among(headers: &HeaderMap) -> Option<Self> {
        let status = headers.get(&GRPC_STATUS)?;
        let code = match status.as_bytes() {
            [ones @ b'0'..=b'9'] => Self::new(ones - b'0'),
            [b'1', ones @ b'0'..=b'6'] => Self::new(10 + ones - b'0'),
            _ => None,
        };
        Some(code.unwrap_or(Self::Unknown))
    }

    /// The code of a response without a `grpc-status`, by gRPC's
    /// [mapping](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
    pub(super) const fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

pub(in crate::http) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
