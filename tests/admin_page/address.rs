//! What is shown stands in the address.

use crate::browser::Browser;
use crate::site::Site;
use crate::{HEADING, OVERALL, call, row, state_of};

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_link_to_a_circuit_that_is_gone_says_so() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    browser.visit(&site.url("/ops/#circuit=long-gone"));
    browser.wait_for(&format!("{HEADING} === 'long-gone'"));
    browser.wait_for(
        "document.querySelector('.sentence').textContent.includes('no circuit of this name')",
    );
    assert_eq!(browser.eval("document.querySelectorAll('[data-ask]').length"), 0);
    browser.draw("gone.png");

    // It comes, and goes while it is looked at.
    site.registry.get_or_create("long-gone");
    browser.wait_for("document.querySelector('#drawer [data-ask=reset]')");
    site.registry.remove("long-gone");
    browser.wait_for(
        "document.querySelector('.sentence').textContent.includes('no circuit of this name')",
    );
    browser.press("Escape");
    browser.wait_for("document.querySelector('#drawer').hidden");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn filter_and_drawer_stand_in_the_fragment_and_come_back_with_it() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices", "people"]);
    call(&site.circuit("prices"), 10, 60);
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&format!("{} === 'Open'", state_of("prices")));
    browser.eval("document.querySelector('[data-chip=open]').click()");
    browser.wait_for("location.hash === '#state=open'");
    browser.wait_for("document.querySelectorAll('tr.row').length === 1");
    browser.eval(&format!("{}.querySelector('a').click()", row("prices")));
    browser.wait_for("location.hash === '#state=open&circuit=prices'");
    assert_eq!(browser.eval("location.search"), "", "what is typed reaches no log");

    browser.eval("globalThis.isOld = true; location.reload()");
    browser.wait_for(&format!("!globalThis.isOld && {HEADING} === 'prices'"));
    browser.wait_for("document.querySelectorAll('tr.row').length === 1");
    browser.eval("history.back()");
    browser.wait_for("document.querySelector('#drawer').hidden");
    browser.wait_for("document.querySelector('[data-chip=open]').ariaPressed === 'true'");
    browser.press("Escape");
    browser.wait_for("document.querySelectorAll('tr.row').length === 3");
    let overall = browser.eval(OVERALL);
    assert!(overall.as_str().unwrap().starts_with("1 open"), "{overall}");
}
