//! Commands: the consequence before they are sent, and what became of them.

use std::time::Duration;

use tower_circuit_breaker::{CircuitEvent, CircuitState, Override, OverrideOrder};

use crate::browser::Browser;
use crate::front::Front;
use crate::site::Site;
use crate::{LIVE, TOASTS, ask, call, open, row, state_of};

const SAYS: &str =
    "document.querySelector('#ask-consequence').textContent.replaceAll('\\u00a0', ' ')";
const SEND: &str = "document.querySelector('#ask-do')";

fn choose(browser: &mut Browser, name: &str, value: &str) {
    browser
        .eval(&format!("document.querySelector('#ask [name={name}][value=\"{value}\"]').click()"));
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn an_override_is_changed_in_one_step_and_says_what_it_replaces() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let earlier = OverrideOrder::force_open().actor("ann.meyer").reason("bad rollout");
    site.circuit("plants").impose(earlier.lasting(Duration::from_secs(1800)));
    browser.visit(&site.url("/ops/"));
    open(&mut browser, "plants");
    browser.wait_for(
        "document.querySelector('#drawer .sentence').textContent.includes('bad rollout')",
    );
    ask(&mut browser, "override");
    let lasts = browser.eval("document.querySelector('#ask [name=lasts]:checked').value");
    assert_eq!(lasts, "30m", "never until it is released, unless asked for");
    choose(&mut browser, "what", "force-closed");
    choose(&mut browser, "lasts", "5m");

    let says = browser.eval(SAYS);
    let says = says.as_str().unwrap();
    for part in [
        "Lets every call through",
        "(5 min)",
        "There is no protection in that time.",
        "Replaces “forced open” by \u{2068}ann.meyer\u{2069} in one step",
    ] {
        assert!(says.contains(part), "no {part:?} in {says}");
    }
    let button = browser.eval(&format!("{SEND}.textContent.replaceAll('\\u00a0', ' ')"));
    assert_eq!(button, "Force closed for 5 min");
    browser.press("Enter");
    browser.wait_for(&format!("{} === 'Forced closed'", state_of("plants")));

    let events = site.circuit("plants").recent_events();
    let imposed = events.iter().filter_map(|recent| match &recent.event {
        CircuitEvent::Overridden { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    let [open, closed] = [Override::ForcedOpen, Override::ForcedClosed].map(Some);
    assert_eq!(imposed.collect::<Vec<_>>(), [(None, open), (open, closed)], "none in between");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn cancel_sends_nothing_and_gives_the_focus_back() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    browser.visit(&site.url("/ops/"));
    open(&mut browser, "plants");
    for leave in ["click", "Escape"] {
        browser.eval("document.querySelector('#drawer [data-ask=trip]').focus()");
        ask(&mut browser, "trip");
        if leave == "click" {
            browser.eval("document.querySelector('#ask-cancel').click()");
        } else {
            browser.press(leave);
        }
        browser.wait_for("!document.querySelector('#ask').open");
        browser.wait_for("document.activeElement.dataset.ask === 'trip'");
    }
    browser.eval("new Promise(done => setTimeout(done, 300))");
    assert_eq!(site.circuit("plants").state(), CircuitState::Closed);
    assert_eq!(browser.eval(TOASTS), "");
    assert_eq!(browser.eval("document.querySelector('#drawer').hidden"), false, "it stays open");
}

/// Two at once: each answer is its own toast, and the dialog of the second is not closed by the first.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn two_commands_at_once_touch_nothing_but_their_own() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices"]);
    let front = Front::before(site.address);
    browser.visit(&front.url("/ops/"));
    open(&mut browser, "plants");
    front.swallow("/circuits/trip");
    ask(&mut browser, "trip");
    browser.press("Enter");
    browser.wait_for(&format!("{TOASTS}.includes('waiting for the answer')"));
    open(&mut browser, "prices");
    ask(&mut browser, "override");
    browser.eval("document.querySelector('#ask [name=reason]').value = 'half typed'");
    // What was sent waits for its limit of ten seconds.
    browser.wait_for(&format!("{TOASTS}.includes('not known whether it arrived')"));

    assert_eq!(browser.eval("document.querySelector('#ask').open"), true);
    assert_eq!(browser.eval("document.querySelector('#ask [name=reason]').value"), "half typed");
    front.pass();
    browser.eval(&format!("{SEND}.click()"));
    browser.wait_for(&format!("{TOASTS}.includes('In force at')"));
    browser.wait_for(&format!("{} === 'Forced open'", state_of("prices")));
    let toasts = browser.eval(TOASTS);
    assert!(toasts.as_str().unwrap().contains("not known whether"), "a failed one stays: {toasts}");
    browser.draw("toasts.png");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_command_that_is_refused_says_why_and_nobody_believes_it_done() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let front = Front::before(site.address);
    browser.visit(&front.url("/ops/"));
    open(&mut browser, "plants");
    let problem = r#"{"title":"Forbidden","status":403,"detail":"this token is one to read by"}"#;
    for (status, kind, body, said) in [
        ("403 Forbidden", "application/json", problem, "refused: this token is one to read by"),
        ("502 Bad Gateway", "text/html", "<h1>502</h1>", "not done: the answer was 502"),
    ] {
        front.answer("/circuits/trip", status, kind, body);
        ask(&mut browser, "trip");
        browser.press("Enter");
        browser.wait_for(&format!("{TOASTS}.includes({said:?})"));
        front.pass();
    }
    assert_eq!(browser.eval(&format!("{TOASTS}.includes('In force')")), false);
    assert_eq!(browser.eval(&state_of("plants")), "Closed");
    assert_eq!(browser.eval(LIVE), true);
}

/// In bulk: every circuit is named before, above twenty by a number that is typed.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_command_in_bulk_names_what_it_touches_and_asks_for_the_number() {
    let mut browser = Browser::start();
    let names: Vec<_> = (0..25).map(|number| format!("shard-{number:02}")).collect();
    let site = Site::start(&names.iter().map(String::as_str).collect::<Vec<_>>());
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&row("shard-24"));
    browser.eval("document.querySelector('#pick-all').click()");
    browser.wait_for("document.querySelector('#bulk').innerText.includes('25 circuits selected')");
    browser.draw("bulk.png");
    // What is out of the filter stays selected, and is said.
    browser.eval(
        "document.querySelector('#q').value = 'shard-1'; \
        document.querySelector('#q').dispatchEvent(new Event('input'))",
    );
    browser.wait_for("document.querySelector('#bulk').innerText.includes('15 not in this filter')");
    browser.eval("document.querySelector('[data-bulk=trip]').click()");
    let listed = browser.eval("document.querySelectorAll('#ask-touched li').length");
    assert_eq!(listed, 25);
    browser.eval(&format!("{SEND}.click()"));
    browser.wait_for("document.querySelector('#ask-error').textContent.includes('Type 25')");
    assert!(site.registry.circuits().iter().all(|circuit| circuit.state() == CircuitState::Closed));

    browser.eval("document.querySelector('#ask [name=count]').value = '25'");
    browser.eval(&format!("{SEND}.click()"));
    browser.wait_for(&format!("{TOASTS}.includes('25 circuits. In force at')"));
    assert!(site.registry.circuits().iter().all(|circuit| circuit.state() == CircuitState::Open));
    browser.wait_for("document.querySelector('#bulk').hidden");
}

/// What would change nothing is not offered.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_circuit_that_a_group_isolates_offers_no_release() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    call(&site.circuit("plants"), 10, 10);
    let isolation = site.circuit("plants").isolate_because("ACME maintenance");
    browser.visit(&site.url("/ops/#circuit=plants"));
    browser.wait_for(&format!("{} === 'Isolated'", state_of("plants")));
    browser
        .wait_for("document.querySelector('.sentence')?.textContent.includes('ACME maintenance')");
    assert_eq!(browser.eval("document.querySelectorAll('[data-ask]').length"), 0);

    drop(isolation);
    browser.wait_for("document.querySelector('#drawer [data-ask=override]')");
}

/// Minutes later they would do something else than was said before they were sent.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn commands_that_wait_while_the_line_is_lost_are_not_sent_when_it_is_back() {
    let mut browser = Browser::start();
    let names: Vec<_> = (0..15).map(|number| format!("shard-{number:02}")).collect();
    let mut site = Site::start(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let front = Front::before(site.address);
    browser.show_on(1440, 900, "light");
    browser.visit(&front.url("/ops/"));
    browser.wait_for(&row("shard-14"));
    browser.eval("document.querySelector('#pick-all').click()");
    browser.wait_for("document.querySelector('[data-bulk=trip]')");
    browser.eval("document.querySelector('[data-bulk=trip]').click()");
    // Two are under way, and get no answer; the others wait for them.
    front.swallow("/circuits/trip");
    browser.eval(&format!("{SEND}.click()"));
    browser.wait_for(&format!("{TOASTS}.includes('waiting for the answer')"));
    site.stop();
    browser.wait_for("document.querySelector('#lost')");
    front.pass();

    browser.wait_for(&format!("{TOASTS}.includes('not sent, since the connection was lost')"));
    site.serve();
    browser.wait_for(LIVE);
    browser.eval("new Promise(done => setTimeout(done, 500))");
    assert!(site.registry.circuits().iter().all(|circuit| circuit.state() == CircuitState::Closed));
    assert_eq!(browser.eval(&format!("{TOASTS}.includes('In force')")), false);
}
