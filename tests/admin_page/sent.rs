//! What comes over the line, and what stands in the way.

use serde_json::json;
use tokio::runtime::Runtime;

use crate::browser::Browser;
use crate::nginx::Nginx;
use crate::site::Site;
use crate::{LIVE, PAGE, TOASTS, ask, open, row, state_of};

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

/// Over one connection, on which the events and all questions share their places.
#[test]
#[ignore = "needs chromium and nginx: run by tests/run.sh"]
fn over_http_2_the_page_is_live_and_steers() {
    let runtime = Runtime::new().unwrap();
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let nginx = runtime
        .block_on(Nginx::before_over_http2(site.address, "proxy_set_header Host $http_host;"));
    // Nobody vouches for the certificate.
    browser.ask("Security.setIgnoreCertificateErrors", &json!({ "ignore": true }));
    browser.visit(&format!("https://{}/ops/", nginx.address()));
    browser.wait_for(LIVE);
    browser.wait_for(&row("plants"));
    browser.draw("http2.png");

    let spoken =
        "performance.getEntriesByType('resource').map(({ nextHopProtocol }) => nextHopProtocol)";
    assert_eq!(browser.eval(&format!("{spoken}.every(spoken => spoken === 'h2')")), true);
    site.circuit("plants").trip();
    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
    open(&mut browser, "plants");
    ask(&mut browser, "reset");
    browser.press("Enter");
    browser.wait_for(&format!("{TOASTS}.includes('In force at')"));
    drop(nginx);
    browser.wait_for("document.querySelector('#line').className === 'lost'");
}

/// One that collects the events, whatever their head asks: that nothing comes is not taken for calm, and
/// what helps is said.
#[test]
#[ignore = "needs chromium and nginx: run by tests/run.sh"]
fn behind_a_proxy_that_collects_the_events_nothing_is_known_until_they_come() {
    let runtime = Runtime::new().unwrap();
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let collects = "proxy_ignore_headers X-Accel-Buffering;";
    let nginx = runtime.block_on(Nginx::before_with(site.address, collects));
    browser.visit(&format!("http://{}/ops/", nginx.address()));

    browser.wait_for("document.querySelector('#lost')?.innerText.includes('does a proxy')");
    assert_eq!(browser.eval(&state_of("plants")), "was closed");
    assert!(browser.eval("document.title").as_str().unwrap().starts_with("(unknown)"));
    browser.draw("collected.png");

    let _nginx = runtime.block_on(nginx.again_with(site.address, ""));
    browser.eval("document.querySelector('[data-do=try]').click()");
    browser.wait_for(LIVE);
    assert_eq!(browser.eval(&state_of("plants")), "Closed");
}
