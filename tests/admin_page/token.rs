//! A token is asked for in the page, where nothing can dismiss the question.

use crate::browser::Browser;
use crate::front::Front;
use crate::site::Site;
use crate::{LIVE, TOASTS, ask, open, state_of};

const TOKEN: &str = "0123456789abcdef";
const READ_TOKEN: &str = "fedcba9876543210";
const ERROR: &str = "document.querySelector('#token-error').textContent";

fn enter(token: &str) -> String {
    format!(
        "document.querySelector('[name=token]').value = '{token}'; \
         document.querySelector('#token-form button').click()"
    )
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_token_is_asked_for_and_kept_by_the_tab() {
    let mut browser = Browser::start();
    let site = Site::start_with(&["plants"], |admin| admin.token(TOKEN));
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.activeElement.name === 'token'");
    assert_eq!(browser.eval(ERROR), "", "none was wrong yet");
    let overall = browser.eval(crate::OVERALL);
    assert!(overall.as_str().unwrap().starts_with("Unknown"), "{overall}");
    browser.press("Escape");
    browser.draw("token.png");

    browser.eval(&enter("wrong"));
    browser.wait_for(&format!("{ERROR}.includes('not accepted')"));
    let kept = browser.eval("document.querySelector('[name=token]').value");
    assert_eq!(kept, "wrong", "what was typed is kept");
    browser.press("Escape");
    browser.eval(&enter(TOKEN));
    browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));
    browser.eval("globalThis.isOld = true; location.reload()");
    browser.wait_for(&format!("!globalThis.isOld && {} === 'Closed'", state_of("plants")));

    assert_eq!(browser.eval("document.querySelector('#token-form')"), serde_json::Value::Null);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn after_too_many_wrong_tokens_the_page_waits_and_then_tries_what_was_typed() {
    let mut browser = Browser::start();
    let site = Site::start_with(&["plants"], |admin| admin.token(TOKEN));
    let front = Front::before(site.address);
    browser.visit(&front.url("/ops/"));
    browser.wait_for("document.querySelector('#token-form')");
    let problem = r#"{"title":"Too Many Requests","status":429,"detail":"too many wrong tokens"}"#;
    front.answer(
        "/circuits",
        "429 Too Many Requests\r\nRetry-After: 3",
        "application/json",
        problem,
    );

    browser.eval(&enter(TOKEN));
    browser.wait_for(&format!("{ERROR}.includes('tried again in')"));
    assert_eq!(browser.eval("document.querySelector('[name=token]').value"), TOKEN);
    front.pass();
    browser.wait_for(LIVE);
}

/// Whoever may look alone sees no command that would be refused, and who may.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_token_to_read_by_shows_all_and_offers_nothing() {
    let mut browser = Browser::start();
    let set = |admin: tower_circuit_breaker_admin::AdminBuilder| {
        admin.token(TOKEN).read_token(READ_TOKEN)
    };
    let site = Site::start_with(&["plants"], set);
    site.circuit("plants").force_open();
    browser.visit(&site.url("/ops/#circuit=plants"));
    browser.wait_for("document.querySelector('#token-form')");
    browser.eval(&enter(READ_TOKEN));
    browser.wait_for(&format!("{} === 'Forced open'", state_of("plants")));
    browser.wait_for("document.querySelector('#may-not')");
    let offered = "document.querySelectorAll('[data-ask], .c-pick input, #tab-commands').length";
    assert_eq!(browser.eval(offered), 0);
    let says = browser.eval("document.querySelector('.steer').textContent");
    assert_eq!(says, "Your token may look, not steer.");
    browser.draw("may-not.png");

    browser.eval("document.querySelector('#may-not button').click()");
    browser.wait_for("document.querySelector('#token-form')");
    browser.eval(&enter(TOKEN));
    browser.wait_for(&format!("{} === 'Forced open'", state_of("plants")));
    open(&mut browser, "plants");
    ask(&mut browser, "release");
    browser.press("Enter");
    browser.wait_for(&format!("{TOASTS}.includes('In force at')"));
    browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn where_nobody_may_steer_the_page_says_so() {
    let mut browser = Browser::start();
    let site = Site::start_with(&["plants"], |admin| admin);
    browser.visit(&site.url("/ops/#circuit=plants"));
    browser.wait_for("document.querySelector('#read-only')");
    browser.wait_for("document.querySelector('.steer')");
    assert_eq!(browser.eval("document.querySelectorAll('[data-ask], .c-pick input').length"), 0);
    assert_eq!(
        browser.eval("document.querySelector('#build').textContent.includes('read only')"),
        true
    );
    browser.draw("read-only.png");
}
