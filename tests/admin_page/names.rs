//! Names that must be text and nothing else.

use tower_circuit_breaker::{CircuitRegistry, FailureKind, Outcome, TripRule};

use crate::browser::Browser;
use crate::site::Site;
use crate::{ask, open, row, state_of};

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn names_that_look_like_html_run_no_script() {
    let mut browser = Browser::start();
    let names = [
        "<img src=x onerror=\"document.title='run'\">",
        "\"><script>document.title='run'</script>",
        "</script><script>document.title='run'</script>",
        "javascript:document.title='run'",
    ];
    let site = Site::start(&names);
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('tr.row').length === 4");

    for name in names {
        site.circuit(name).trip();
        browser.wait_for(&format!("{} === 'Open'", state_of(name)));
        open(&mut browser, name);
        ask(&mut browser, "reset");
        browser.eval("document.querySelector('#ask [name=reason]').value = '<script>run</script>'");
        browser.press("Enter");
        browser.wait_for(&format!("{} === 'Closed'", state_of(name)));
    }

    browser.eval("document.querySelector('#tab-commands').click()");
    browser.wait_for("document.querySelectorAll('#view tbody tr').length === 4");
    assert_eq!(browser.eval("document.title"), "Circuits");
    assert_eq!(browser.eval("document.images.length"), 0);
    assert_eq!(browser.eval("document.scripts.length"), 1);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn every_name_has_a_row_that_can_be_steered() {
    let mut browser = Browser::start();
    let long = "a long name, of many words. ".repeat(360);
    let names = [
        "separators \u{2028} and \u{2029}",
        "two\r\n\r\nlines",
        "data: {}\n\nevent: gap",
        "\u{0}\u{1b}[31m \u{202e}backwards\u{feff}",
        "a/b?c#d%2F&e",
        "..",
        ".",
        "__proto__",
        "Größe 漢字 🦀",
        long.as_str(),
    ];
    let site = Site::start(&names);
    browser.show_on(1280, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&format!("document.querySelectorAll('tr.row').length === {}", names.len()));

    for name in names {
        site.circuit(name).trip();
        browser.wait_for(&format!("{} === 'Open'", state_of(name)));
        open(&mut browser, name);
        ask(&mut browser, "reset");
        browser.press("Enter");
        browser.wait_for(&format!("{} === 'Closed'", state_of(name)));
    }

    browser.draw("odd-names.png");
    assert_eq!(browser.eval("document.documentElement.scrollWidth - innerWidth"), 0);
    let heading = "document.querySelector('#drawer h2').offsetHeight";
    assert!(
        browser.eval(heading).as_u64().unwrap() < 200,
        "a long name leaves room for what is said of it"
    );
}

/// The kinds of failures are from outside, too: one turns the direction of no sentence.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn kinds_stand_apart_in_sentences() {
    let mut browser = Browser::start();
    let kind = FailureKind::new("\u{5d6}\u{5de}\u{5df} <b>");
    let registry = CircuitRegistry::with_template(move |circuit| {
        circuit.rule(TripRule::consecutive_failures(3).of(kind))
    });
    let plants = registry.get_or_create("plants");
    let site = Site::of(registry, |admin| admin);
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/#circuit=plants"));
    browser.wait_for(&row("plants"));
    (0..3).for_each(|_| plants.try_acquire().unwrap().record(Outcome::Failure(kind)));

    let trip = format!("{}?.querySelector('.c-trip')", row("plants"));
    for place in ["document.querySelector('.incident .why')", "document.querySelector('.sentence')"]
    {
        browser.wait_for(&format!("{place}?.textContent.includes('failures in a row')"));
        let apart = format!(
            "[...{place}.querySelectorAll('bdi')].map(it => it.textContent + it.nextSibling.textContent)\
             .join().includes(' <b> failures in a row')"
        );
        assert_eq!(browser.eval(&apart), true, "{place}");
    }
    browser.show_on(2000, 900, "light");
    browser.wait_for(&format!("{trip}?.querySelector('bdi')?.textContent.endsWith(' <b>')"));
}
