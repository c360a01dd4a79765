//! The words of an error of tokio-postgres.

use std::error::Error as _;

use tokio_postgres::Error;

/// What the server says, with its code; or what the system says, behind where that was met.
pub(crate) fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} {}", said.code().code(), said.message());
    }
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
