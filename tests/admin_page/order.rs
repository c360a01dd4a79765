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

/// A list that moves under a finger is not read, and what is meant is not what is touched.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn the_order_is_held_under_a_finger() {
    let mut browser = Browser::start();
    let site = Site::start(&["a", "b", "c"]);
    browser.show_on(390, 844, "light");
    browser.visit(&site.url("/ops/"));
    let first = "document.querySelector('.card .top a')?.textContent";
    browser.wait_for(&format!("{first} === 'a'"));
    let touch = |kind: &str, fingers: &str| {
        format!(
            "{{ const target = document.querySelector('.card'); \
             const finger = new Touch({{ identifier: 1, target }}); \
             target.dispatchEvent(new TouchEvent('{kind}', {{ bubbles: true, touches: {fingers} }})); }} true"
        )
    };
    browser.eval(&touch("touchstart", "[finger]"));
    site.circuit("c").trip();
    let open = "[...document.querySelectorAll('.card')].at(-1).innerText.includes('Open')";
    browser.wait_for(open);
    browser.wait_for("document.querySelector('#held').textContent.includes('finger')");
    assert_eq!(browser.eval(first), "a");
    // While the browser scrolls, too, in which it tells nothing of pointers.
    browser.eval("dispatchEvent(new PointerEvent('pointercancel'))");
    assert_eq!(browser.eval(open), true);

    browser.eval(&touch("touchend", "[]"));
    browser.wait_for(&format!("{first} === 'c'"));
    assert_eq!(browser.eval("document.querySelector('#held').textContent"), "");
}

/// What the service does not measure takes no room from the names.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_column_in_which_nothing_stands_is_not_there() {
    let mut browser = Browser::start();
    let names = ["inventory.acme/eu-central-1.replica", "warehouse.slots/replica-f.eu-west-1"];
    let site = Site::start(&names);
    site.registry.mark_critical(names[0]);
    browser.show_on(1280, 800, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&row(names[1]));
    let shown = "[...document.querySelectorAll('thead th')].filter(th => th.offsetParent)\
                 .map(th => th.innerText).join()";
    let heads = ",Name,State,Calls/s,Fail %,Nearest limit,Rejected/s,In flight,Last 5 minutes";
    browser.wait_for(&format!("{shown}.replace(/[^ -z]/g, '') === {heads:?}"));
    let cut = "[...document.querySelectorAll('.c-name a')].filter(a => a.scrollWidth > a.clientWidth).length";
    assert_eq!(browser.eval(cut), 0);
    browser.draw("columns.png");
    assert_eq!(browser.eval(&state_of(names[0])), "Closed");
    let state = format!("{}.querySelector('.c-state').innerText", row(names[0]));
    assert!(browser.eval(&state).as_str().unwrap().contains('!'));

    // It comes with the first circuit that has something there.
    site.circuit(names[0]).trip();
    browser.wait_for(&format!("{shown}.includes('Last trip')"));
    assert!(!browser.eval(shown).as_str().unwrap().contains("p99"));
}
