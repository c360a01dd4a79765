//! What is served as it is: the page, and the description of the paths.

use http::header::CONTENT_SECURITY_POLICY;
use http::request::Parts;
use http::{HeaderValue, Response};

use crate::body::AdminBody;
use crate::etag::unless_known;
use crate::respond::{HTML, JSON};

/// The page: one file, which asks nobody else for anything.
pub(crate) fn page(parts: &Parts) -> Response<AdminBody> {
    let mut page = unless_known(parts, HTML, PAGE);
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    page
}

/// The description of the paths.
pub(crate) fn openapi(parts: &Parts) -> Response<AdminBody> {
    unless_known(parts, JSON, OPENAPI)
}

const OPENAPI: &str = include_str!("openapi.json");

/// Made of `page/` beside `src/`, by `page/build.sh`.
const PAGE: &str = include_str!("page.html");

/// The page's own script and style by their hashes, and nothing else from anywhere. What makes the
/// page writes them here.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     script-src 'sha256-2LMqItgca2gQxl6N8kA3at8Nd0K42YEInAi6DERocLQ='; \
     style-src 'sha256-lWsgf3+RYWf4FHFasDHsMno/jKDM0BNgxEE5jibP5Pk='";
