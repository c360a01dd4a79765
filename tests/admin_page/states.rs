//! Each state in which the page has little to show, drawn on every screen for people to look at.

use crate::browser::Browser;
use crate::front::Front;
use crate::site::Site;
use crate::{LIVE, call, row};

const SCREENS: [(u32, u32); 3] = [(390, 844), (1024, 768), (1440, 900)];

/// Draws the page as it is, on every screen in both colours; what is wider than its screen fails.
fn draw(browser: &mut Browser, name: &str) {
    for (width, height) in SCREENS {
        for scheme in ["light", "dark"] {
            browser.show_on(width, height, scheme);
            browser.eval("new Promise(done => setTimeout(done, 300))");
            let excess = browser.eval("document.documentElement.scrollWidth - innerWidth");
            assert!(excess.as_i64().unwrap() <= 0, "{name} at {width}: {excess} px too wide");
            browser.draw(&format!("state-{name}-{width}-{scheme}.png"));
        }
    }
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn every_state_fits_every_screen() {
    let mut browser = Browser::start();
    let token = |admin: tower_circuit_breaker_admin::AdminBuilder| admin.token("0123456789abcdef");
    for (name, site, shown) in [
        ("empty", Site::start(&[]), ".blank pre"),
        ("token", Site::start_with(&["plants"], token), "#token-form"),
        ("read-only", Site::start_with(&["plants"], |admin| admin), "#read-only"),
    ] {
        browser.visit(&site.url("/ops/"));
        browser.wait_for(&format!("document.querySelector('{shown}')"));
        draw(&mut browser, name);
    }

    let mut site = Site::start(&["plants", "prices"]);
    let front = Front::before(site.address);
    front.swallow("/circuits");
    browser.visit(&front.url("/ops/"));
    browser.wait_for("document.querySelector('.blank h2')");
    draw(&mut browser, "connecting");
    front.pass();
    call(&site.circuit("plants"), 10, 60);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);
    browser.wait_for(&row("plants"));
    site.stop();
    browser.wait_for("document.querySelector('#lost')");
    draw(&mut browser, "lost");
}
