//! Pictures of all views, drawn for people to look at: nothing is cut, and nothing is wider than the
//! screen.

use std::time::Duration;

use tower_circuit_breaker::{FailureKind, Outcome};

use crate::browser::Browser;
use crate::site::Site;
use crate::stage::Stage;
use crate::{LIVE, ask};

const SCREENS: [(u32, u32); 3] = [(390, 844), (1024, 768), (1440, 900)];
const VIEWS: [(&str, &str, &str); 6] = [
    ("circuits", "", "#scroll, #cards"),
    ("open", "circuit=payments.stripe/charge", "#drawer .chart"),
    ("half-open", "circuit=payments.adyen/charge", "#drawer .figures"),
    ("closed", "circuit=auth.tokens", "#drawer .rules"),
    ("groups", "tab=groups", ".pips"),
    ("fleet", "tab=fleet", ".lease"),
];

/// How much wider than the screen what is drawn is.
const EXCESS: &str = "document.documentElement.scrollWidth - innerWidth";

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn every_view_fits_every_screen() {
    let mut browser = Browser::start();
    let stage = Stage::incident();
    let mut errors = Vec::new();
    for (width, height) in SCREENS {
        for scheme in ["light", "dark"] {
            browser.show_on(width, height, scheme);
            browser.visit("about:blank");
            browser.visit(&stage.site.url("/ops/"));
            browser.wait_for("document.querySelectorAll('.incident').length > 3");
            browser.wait_for("document.querySelector('#tab-fleet')");
            for (name, fragment, shown) in VIEWS {
                browser.eval(&format!("location.hash = '{fragment}'"));
                browser.wait_for(&format!("document.querySelector('{shown}')"));
                browser.eval("new Promise(done => setTimeout(done, 100))");
                let excess = browser.eval(EXCESS).as_i64().unwrap();
                if excess > 0 {
                    errors.push(format!("{name} at {width}: {excess} px too wide"));
                }
                browser.draw(&format!("{name}-{width}-{scheme}.png"));
            }
            browser.eval("location.hash = 'circuit=payments.stripe/charge'");
            ask(&mut browser, "override");
            browser.draw(&format!("dialog-{width}-{scheme}.png"));
            browser.press("Escape");
        }
    }
    assert!(errors.is_empty(), "{errors:?}");
}

/// What an operator finds at three in the morning, in words alone: what is down, since when, why, what
/// callers get, who forced what, and what comes next.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn the_incident_strip_answers_what_an_operator_asks() {
    let mut browser = Browser::start();
    let stage = Stage::incident();
    browser.show_on(1440, 900, "light");
    browser.visit(&stage.site.url("/ops/"));
    browser.wait_for("document.querySelector('#incidents').innerText.includes('ann.meyer')");
    browser.wait_for("document.querySelector('#incidents').innerText.includes('probes succeeded')");
    browser.wait_for("document.querySelector('#incidents').innerText.includes('calls hang')");
    let says = browser.eval("document.querySelector('#incidents').innerText");
    let says = says.as_str().unwrap().replace('\u{a0}', " ");
    for part in [
        "payments.stripe/charge critical",
        "calls failed, limit 50 %",
        "/s rejected",
        "Next probe in",
        "“INC-4711: bad model rollout, answers are wrong”, ann.meyer",
        "29 min left",
        "vendor-acme 3 circuits",
        "“ACME maintenance 03:00 to 04:00”",
        "Ends when the group lets go",
        "1 of 3 probes succeeded",
        "7 calls hang for over 900 ms, limit 10",
        "Unprotected by an operator: ",
        "ledger.postings (forced closed, ops:night)",
    ] {
        assert!(says.contains(part), "no {part:?} in {says}");
    }
    let title = browser.eval("document.title");
    assert!(title.as_str().unwrap().ends_with("open) orders-api · production"), "{title}");
}

/// A probe that fails begins no new outage.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn an_outage_is_as_old_as_its_trip() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let circuit = site.circuit("plants");
    circuit.trip_for(Duration::from_secs(2));
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    let began = "document.querySelector('#incidents-list time').textContent";
    browser.wait_for("document.querySelector('#incidents-list time')");
    let tripped = browser.eval(began);
    browser.wait_for("performance.now() > 2_500");
    circuit.try_acquire().unwrap().record(Outcome::Failure(FailureKind::OTHER));
    browser
        .wait_for("document.querySelector('#incidents').innerText.includes('probing has failed')");
    assert_eq!(browser.eval(began), tripped);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn an_ordinary_day_is_quiet() {
    let mut browser = Browser::start();
    let stage = Stage::calm();
    browser.show_on(1440, 900, "light");
    browser.visit(&stage.site.url("/ops/"));
    browser.wait_for(LIVE);
    browser.wait_for("document.querySelector('#overall').innerText.startsWith('All 62 closed')");
    assert_eq!(browser.eval("document.querySelector('#incidents').hidden"), true);
    browser.draw("calm.png");
}

/// Long names and hundreds of circuits.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn many_circuits_fit_a_narrow_screen() {
    let mut browser = Browser::start();
    let names: Vec<_> = (0..300)
        .map(|number| format!("shard-{number:03}.orders.eu-central-1.example.com"))
        .collect();
    let site = Site::start(&names.iter().map(String::as_str).collect::<Vec<_>>());
    browser.show_on(320, 640, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('.card').length === 60");
    assert!(browser.eval(EXCESS).as_i64().unwrap() <= 0);
    browser.eval("document.querySelector('[data-do=more-cards]').click()");
    browser.wait_for("document.querySelectorAll('.card').length === 120");
}
