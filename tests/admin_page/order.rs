//! The order of the table, and the keys.

use crate::browser::Browser;
use crate::site::Site;
use crate::{HEADING, call, row, state_of};

const FIRST: &str = "document.querySelector('tr.row .c-name')?.textContent";
const FOCUSED: &str = "document.activeElement.closest('tr')?.querySelector('.c-name').textContent";

/// The worst come first while a row has the focus, which follows its circuit.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn sorting_goes_on_while_a_row_has_the_focus_and_the_focus_stays() {
    let mut browser = Browser::start();
    let site = Site::start(&["a", "b", "c", "d"]);
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&row("d"));
    for key in ["j", "j", "k", "j"] {
        browser.press(key);
    }
    browser.wait_for(&format!("{FOCUSED} === 'b'"));
    site.circuit("d").trip();
    browser.wait_for(&format!("{FIRST} === 'd'"));
    assert_eq!(browser.eval(FOCUSED), "b");

    // Its own row comes to the front, and keeps the focus there.
    site.circuit("d").reset();
    site.circuit("b").trip();
    browser.wait_for(&format!("{FIRST} === 'b'"));
    assert_eq!(browser.eval(FOCUSED), "b");
    browser.press("Enter");
    browser.wait_for(&format!("{HEADING} === 'b'"));
    browser.press("Enter");
    browser.wait_for("document.activeElement.tagName === 'H2'");
    browser.press("Escape");
    browser.wait_for("document.querySelector('#drawer').hidden");
    browser.wait_for(&format!("{FOCUSED} === 'b'"));
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn the_order_is_held_under_the_pointer_and_says_so() {
    let mut browser = Browser::start();
    let site = Site::start(&["a", "b", "c"]);
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&row("c"));
    // Folded, so that no line of it moves the rows from under the pointer.
    browser.press("i");
    site.circuit("b").trip();
    browser.wait_for(&format!("{FIRST} === 'b'"));
    browser.point_at("tr.row");
    site.circuit("a").trip();
    browser.wait_for("document.querySelector('#held').textContent.includes('pointer')");
    assert_eq!(browser.eval(FIRST), "b");
    browser.wait_for(&format!("{} === 'Open'", state_of("a")));

    browser.point_at("#service");
    browser.wait_for(&format!("{FIRST} === 'a'"));
}

/// One stop for the tab key; the arrows lead on, and up to the heads.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn the_table_is_one_stop_for_the_tab_key() {
    let mut browser = Browser::start();
    let names: Vec<_> = (0..300).map(|number| format!("shard-{number:03}")).collect();
    let site = Site::start(&names.iter().map(String::as_str).collect::<Vec<_>>());
    call(&site.circuit("shard-007"), 10, 20);
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&row("shard-000"));
    let stops = "[...document.querySelectorAll('#scroll *')].filter(e => e.tabIndex >= 0).length";
    assert_eq!(browser.eval(stops), 1);
    browser.eval("document.querySelector('#scroll [tabindex=\"0\"]').focus()");
    let first = browser.eval(FOCUSED);
    browser.press("End");
    browser.wait_for(&format!("{FOCUSED} === 'shard-299'"));
    let spoken = browser.eval("document.activeElement.closest('tr').ariaRowIndex");
    assert_eq!(spoken, "301", "its number among all, with the head");
    browser.press("Home");
    browser.wait_for(&format!("{FOCUSED} === {first}"));
    browser.press("ArrowUp");
    browser.wait_for("document.activeElement.closest('thead')");
    browser.press("ArrowDown");
    browser.wait_for(&format!("{FOCUSED} === {first}"));

    // What scrolls away hands its focus to the table.
    browser.eval("document.querySelector('#scroll').scrollTop = 5000");
    browser.wait_for("document.activeElement.id === 'scroll'");
    assert_eq!(browser.eval(stops), 1, "a row in sight takes its place");
    browser.press("j");
    browser.wait_for("document.activeElement.closest('tr')");
}
