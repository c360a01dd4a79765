//! What comes over the line, and what stands in the way.

use crate::browser::Browser;
use crate::site::Site;
use crate::{LIVE, PAGE};

/// By Brotli, of which the browser is told to be whole.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn the_page_comes_in_a_third_of_its_bytes() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);

    let took = "performance.getEntriesByType('navigation')[0]";
    let size = |browser: &mut Browser, of: &str| browser.eval(&format!("{took}.{of}")).as_u64();
    let sent = size(&mut browser, "encodedBodySize").unwrap();
    let with_head = size(&mut browser, "transferSize").unwrap();

    assert!(sent <= 33_000, "{sent} bytes");
    assert!(with_head <= 33_000 + 1000, "{with_head} bytes with the head");
    assert_eq!(size(&mut browser, "decodedBodySize"), u64::try_from(PAGE.len()).ok());
}
