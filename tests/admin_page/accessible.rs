//! For those who do not see, do not point, or see in other colours.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::browser::Browser;
use crate::site::Site;
use crate::stage::Stage;
use crate::{ask, call, open, row};

/// The rules of axe-core, as `tests/run.sh` has installed them.
fn axe() -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("target/tools/axe/node_modules/axe-core/axe.min.js");
    fs::read_to_string(file).expect("axe-core is missing: tests/run.sh installs it")
}

/// What is against WCAG 2.2, at A and AA, or against good practice: a line for each.
fn violations(browser: &mut Browser) -> Vec<String> {
    let found = browser.eval(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(\
         ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120))}`))",
    );
    found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// What axe finds in every view on such a screen.
#[track_caller]
fn expect_nothing_on(width: u32, height: u32, scheme: &str) {
    let mut browser = Browser::start();
    let stage = Stage::incident();
    let mut found = Vec::new();
    browser.show_on(width, height, scheme);
    browser.visit(&stage.site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('.incident').length > 3");
    browser.wait_for("document.querySelector('#tab-fleet')");
    browser.eval(&format!("{}; true", axe()));
    let mut look = |browser: &mut Browser, view: &str| {
        let lines = violations(browser).into_iter();
        found.extend(lines.map(|line| format!("{view}: {line}")));
    };
    look(&mut browser, "circuits");
    for (view, shown) in [
        ("circuit=payments.stripe/charge", "#drawer .chart"),
        ("circuit=payments.adyen/charge", "#drawer .figures"),
        ("tab=groups", ".pips"),
        ("tab=fleet", ".lease"),
    ] {
        browser.eval(&format!("location.hash = '{view}'"));
        browser.wait_for(&format!("document.querySelector('{shown}')"));
        look(&mut browser, view);
    }
    browser.eval("location.hash = 'circuit=payments.stripe/charge'");
    ask(&mut browser, "override");
    look(&mut browser, "dialog");
    browser.press("Escape");
    browser.eval("document.querySelector('#help-open').click()");
    look(&mut browser, "help");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
#[ignore = "needs chromium and axe-core: run by tests/run.sh"]
fn axe_finds_nothing_in_any_view_on_a_wide_screen() {
    expect_nothing_on(1440, 900, "light");
}

#[test]
#[ignore = "needs chromium and axe-core: run by tests/run.sh"]
fn axe_finds_nothing_in_any_view_on_a_wide_dark_screen() {
    expect_nothing_on(1440, 900, "dark");
}

#[test]
#[ignore = "needs chromium and axe-core: run by tests/run.sh"]
fn axe_finds_nothing_in_any_view_on_a_tablet() {
    expect_nothing_on(1024, 768, "light");
}

#[test]
#[ignore = "needs chromium and axe-core: run by tests/run.sh"]
fn axe_finds_nothing_in_any_view_on_a_dark_phone() {
    expect_nothing_on(390, 844, "dark");
}

#[test]
#[ignore = "needs chromium and axe-core: run by tests/run.sh"]
fn axe_finds_nothing_where_there_is_nothing_to_show() {
    let mut browser = Browser::start();
    let asks = Site::start_with(&["plants"], |admin| admin.token("0123456789abcdef"));
    let empty = Site::start(&[]);
    for (site, shown) in [(&asks, "#token-form"), (&empty, ".blank pre")] {
        browser.visit(&site.url("/ops/"));
        browser.wait_for(&format!("document.querySelector('{shown}')"));
        browser.eval(&format!("{}; true", axe()));
        assert_eq!(violations(&mut browser), Vec::<String>::new(), "{shown}");
    }
}

/// Role, name and state of each row and of a dialog, as chromium tells them to those who read them out.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn rows_and_dialogs_are_spoken_by_role_name_and_state() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices"]);
    site.registry.mark_critical("plants");
    call(&site.circuit("plants"), 10, 60);
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&row("prices"));
    browser.wait_for("document.querySelector('.incident')");
    let spoken = browser.spoken();
    for line in [
        "heading \"1 needs attention\"",
        "tab \"Circuits 2\" selected=true",
        "button \"Open 1\"",
        "grid \"Circuits\"",
        "columnheader \"Rejected/s\"",
        "checkbox \"Select \u{2068}plants\u{2069}\"",
        "rowheader \"plants\"",
        "gridcell \"Open ! critical\"",
        "rowheader \"prices\"",
        "gridcell \"Closed\"",
    ] {
        assert!(spoken.contains(line), "no {line} in\n{spoken}");
    }

    open(&mut browser, "plants");
    ask(&mut browser, "override");
    let spoken = browser.spoken();
    for line in [
        "dialog \"Override plants\" modal=true",
        "group \"For how long\"",
        "radio \"30 min\" checked=\"true\"",
        "textbox \"Reason, for the log (may be left out)\"",
        "button \"Cancel\"",
        "button \"Force open for 30\u{a0}min\"",
    ] {
        assert!(spoken.contains(line), "no {line} in\n{spoken}");
    }
    // A row that is selected says so.
    browser.press("Escape");
    browser.press("Escape");
    browser.press("x");
    browser.wait_for(&format!("{}.ariaSelected === 'true'", row("plants")));
    assert!(browser.spoken().contains("selected=true"));
    assert_eq!(browser.eval("document.querySelector('table').ariaRowCount"), Value::from("3"));
}
