//! Several tabs, of which some are hidden.

use std::time::Duration;

use crate::browser::Browser;
use crate::site::Site;
use crate::{LIVE, state_of};

const HOLDS: &str = "document.querySelector('#line b').textContent === 'Live'";
const POLLS: &str = "document.querySelector('#line b').textContent === 'Live, every 2 s'";

/// A browser has six connections to one host over HTTP/1.1: with more tabs than that, each with a
/// stream, nothing would be answered.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn of_seven_tabs_three_hold_a_stream_and_all_are_live() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let mut tabs = vec![0];
    while tabs.len() < 7 {
        tabs.push(browser.open_tab());
    }
    for tab in &tabs {
        browser.turn_to(*tab);
        browser.stay_visible();
        browser.visit(&site.url("/ops/"));
        browser.wait_for(LIVE);
    }
    assert!(three_hold(&mut browser, &tabs));

    site.circuit("plants").trip();
    for tab in &tabs {
        browser.turn_to(*tab);
        let took = browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
    // Where one is closed, another takes its place.
    browser.turn_to(tabs[0]);
    browser.close(tabs[0]);
    assert!(three_hold(&mut browser, &tabs[1..]));
}

/// Whether three of them come to hold a stream, and the others to ask.
fn three_hold(browser: &mut Browser, tabs: &[usize]) -> bool {
    let count = |browser: &mut Browser, what: &str| {
        let are = tabs.iter().filter(|tab| {
            browser.turn_to(**tab);
            browser.eval(&format!("{what} && {LIVE}")) == true
        });
        are.count()
    };
    (0..200).any(|_| {
        browser.turn_to(tabs[0]);
        browser.eval("new Promise(done => setTimeout(done, 50))");
        count(browser, HOLDS) == 3 && count(browser, POLLS) == tabs.len() - 3
    })
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_hidden_tab_leaves_its_stream_and_keeps_its_title_true() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["plants", "prices"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);
    browser.eval(HIDE);
    browser.wait_for("globalThis.asked.includes('summary')");
    let streams = "asked.filter(path => path.startsWith('events')).length";
    let before = browser.eval(streams);

    site.circuit("plants").trip();
    browser.wait_for("document.title.startsWith('(1 open)')");
    assert_eq!(browser.eval(streams), before, "no stream while nobody looks");
    site.stop();
    browser.wait_for("document.title.startsWith('? (1 open)')");
    site.serve();
    browser
        .eval("globalThis.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))");
    browser.wait_for(LIVE);
    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
}

/// Hides the page as far as it can know, and notes what it asks for from then on.
const HIDE: &str = "globalThis.isHidden = true; globalThis.asked = []; \
     Object.defineProperty(document, 'hidden', { get: () => isHidden }); \
     { const real = fetch; globalThis.fetch = (url, ...rest) => { \
         asked.push(url.split('/ops/')[1]); return real(url, ...rest); }; } \
     document.dispatchEvent(new Event('visibilitychange')); true";
