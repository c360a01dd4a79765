//! Nothing heard, or nothing of this service: unknown, and never good.

use tower_circuit_breaker::CircuitState;

use crate::browser::Browser;
use crate::front::Front;
use crate::site::Site;
use crate::{LIVE, OVERALL, row, state_of};

/// What a page says that has heard nothing.
const UNKNOWN: &str = "document.querySelector('#overall b').textContent === 'Unknown' \
     && document.title.startsWith('(unknown)') && document.querySelector('#tools').hidden \
     && document.querySelector('#incidents').hidden";
const WHY: &str = "(document.querySelector('#why')?.textContent ?? '')";

fn comes_back(browser: &mut Browser, front: &Front) {
    front.pass();
    browser.eval("document.querySelector('[data-do=try]')?.click()");
    browser.wait_for(LIVE);
    browser.wait_for(&row("plants"));
    assert_eq!(browser.eval(OVERALL).as_str().unwrap().lines().next(), Some("All 1 closed"));
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn what_a_balancer_answers_for_the_service_is_not_heard() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let front = Front::before(site.address);
    for (status, kind, body, said) in [
        ("503 Service Unavailable", "text/html", "<h1>503</h1>", "The answer was 503"),
        ("502 Bad Gateway", "text/html", "<h1>502</h1>", "The answer was 502"),
        ("200 OK", "text/html", "<form>Sign in</form>", "a sign-in page?"),
        ("401 Unauthorized", "text/html", "<form>Sign in</form>", "a sign-in page?"),
    ] {
        front.answer("/circuits", status, kind, body);
        browser.visit("about:blank");
        browser.visit(&front.url("/ops/"));
        browser.wait_for(&format!("{WHY}.includes({said:?})"));

        assert_eq!(browser.eval(UNKNOWN), true, "{status}");
        browser.draw(&format!("unheard-{}.png", &status[..3]));
        comes_back(&mut browser, &front);
    }
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_service_that_does_not_answer_is_unknown_and_so_is_one_that_is_not_there() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["plants"]);
    let front = Front::before(site.address);
    front.swallow("/circuits");
    browser.visit(&front.url("/ops/"));
    browser.wait_for(UNKNOWN);
    browser.draw("connecting.png");
    comes_back(&mut browser, &front);

    browser.visit("about:blank");
    browser.visit(&front.url("/ops/"));
    browser.wait_for(LIVE);
    site.stop();
    browser
        .wait_for("document.querySelector('#overall b').textContent.startsWith('Unknown since')");
}

/// Where the stream alone is not passed on, what was fetched says nothing of now.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_stream_that_is_a_sign_in_page_is_not_live() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let front = Front::before(site.address);
    front.answer("/events", "200 OK", "text/html", "<form>Sign in</form>");
    browser.visit(&front.url("/ops/"));

    browser.wait_for("document.querySelector('#lost')?.innerText.includes('a sign-in page?')");
    assert_eq!(browser.eval(LIVE), false);
    let state = format!("{}.querySelector('.pill').textContent", row("plants"));
    browser.wait_for(&format!("{state} === 'was closed'"));
    comes_back(&mut browser, &front);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_registry_without_circuits_protects_nothing_and_says_so() {
    let mut browser = Browser::start();
    let site = Site::start(&[]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&format!("{OVERALL}.startsWith('No circuits')"));
    assert_eq!(browser.eval(OVERALL), "No circuits\nThe registry is empty: nothing is protected");
    browser.draw("empty.png");

    site.registry.get_or_create("plants");
    browser.wait_for(&row("plants"));
}

/// With its defaults nginx says another host than the page's: what is shown is live, and a command is
/// refused with what helps; with that it is taken.
#[test]
#[ignore = "needs chromium and nginx: run by tests/run.sh"]
fn behind_nginx_the_page_is_live_and_says_what_a_command_needs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut browser = Browser::start();
    let site = Site::start_with(&["plants"], |admin| admin.token("0123456789abcdef"));
    let helps = "proxy_set_header Host $http_host";
    for (more, said) in [("", helps), ("proxy_set_header Host $http_host;", "In force at")] {
        let nginx = runtime.block_on(crate::nginx::Nginx::before_with(site.address, more));
        site.circuit("plants").reset();
        browser.visit("about:blank");
        browser.visit(&format!("http://{}/ops/", nginx.address()));
        browser.wait_for("document.querySelector('#token-form')");
        browser.eval(
            "document.querySelector('[name=token]').value = '0123456789abcdef'; \
             document.querySelector('#token-form button').click()",
        );
        browser.wait_for(LIVE);
        site.circuit("plants").trip();
        browser.wait_for(&format!("{} === 'Open'", state_of("plants")));

        crate::open(&mut browser, "plants");
        crate::ask(&mut browser, "reset");
        browser.press("Enter");
        browser.wait_for(&format!("{}.includes({said:?})", crate::TOASTS));
        assert_eq!(browser.eval(LIVE), true, "{more}");
    }
    assert_eq!(site.circuit("plants").state(), CircuitState::Closed);
}
