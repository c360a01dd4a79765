//! What is served as it is: the page, and the description of the paths.

use std::sync::LazyLock;

use http::header::CONTENT_SECURITY_POLICY;
use http::request::Parts;
use http::{HeaderValue, Response};

use crate::body::AdminBody;
use crate::kept::Kept;
use crate::respond::{HTML, JSON};

/// The page: one file, which asks nobody else for anything.
pub(crate) fn page(parts: &Parts) -> Response<AdminBody> {
    let mut page = PAGE.answer(parts);
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    page
}

/// The description of the paths.
pub(crate) fn openapi(parts: &Parts) -> Response<AdminBody> {
    OPENAPI.answer(parts)
}

static OPENAPI: LazyLock<Kept> =
    LazyLock::new(|| Kept::new(JSON, include_str!("openapi.json"), None));

/// Made of `page/` beside `src/`, by `page/build.sh`, and compressed there.
static PAGE: LazyLock<Kept> = LazyLock::new(|| {
    Kept::new(HTML, include_str!("page.html"), Some(include_bytes!("page.html.br")))
});

/// The page's own script and style by their hashes, and nothing else from anywhere. What makes the
/// page writes them here.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     script-src 'sha256-1y99Vfm6QxI/3pt5xubSuz9sD2aNvT03sH+mcrlHShM='; \
     style-src 'sha256-RCJ+gCXCj3B+W4DRh0kI7ew6lVrocC3lqBd8s0a9Q4I='";
