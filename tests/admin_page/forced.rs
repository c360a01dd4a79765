//! For those who choose the colours themselves: what says a state does not lean on ours.

use serde_json::json;

use crate::browser::Browser;
use crate::stage::Stage;
use crate::{ask, open};

/// States differ by word and shape, what is chosen has a line around it, and the focus is seen.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn in_forced_colours_states_are_told_apart_and_the_focus_is_seen() {
    let mut browser = Browser::start();
    let stage = Stage::incident();
    for (width, height) in [(1440, 900), (390, 844)] {
        browser.show_on(width, height, "light");
        let forced = json!([{ "name": "forced-colors", "value": "active" }]);
        browser.ask("Emulation.setEmulatedMedia", &json!({ "features": forced }));
        browser.visit("about:blank");
        browser.visit(&stage.site.url("/ops/"));
        browser.wait_for("document.querySelectorAll('.incident').length > 3");
        assert_eq!(browser.eval("matchMedia('(forced-colors: active)').matches"), true);
        // Each has a word and a shape of its own, drawn in the colour of text.
        let signs = "[...document.querySelectorAll('.incident .pill')].map(pill => [pill.innerText, \
             pill.querySelector('use').getAttribute('href'), getComputedStyle(pill).borderTopStyle, \
             getComputedStyle(pill.querySelector('svg')).color === getComputedStyle(pill).color])";
        let signs = browser.eval(signs);
        let mut shapes = std::collections::BTreeMap::new();
        for sign in signs.as_array().unwrap() {
            let word = sign[0].as_str().unwrap().split(|it: char| it.is_numeric()).next().unwrap();
            let shape = shapes.entry(sign[1].to_string()).or_insert_with(|| word.to_owned());
            assert_eq!(shape, word, "{signs}");
            assert_eq!((&sign[2], &sign[3]), (&json!("solid"), &json!(true)), "{sign}");
        }
        assert!(shapes.len() >= 3, "{signs}");

        let chips = "[...document.querySelectorAll('.chips button')].every(chip => \
             getComputedStyle(chip.firstChild).color === getComputedStyle(chip).color)";
        assert_eq!(browser.eval(chips), true);
        browser.draw(&format!("forced-{width}.png"));
        if width > 1000 {
            focus_is_seen(&mut browser);
        }
    }
}

fn focus_is_seen(browser: &mut Browser) {
    let outline = "(({ outlineStyle, outlineWidth, outlineColor, backgroundColor }) => \
         outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 && outlineColor !== backgroundColor)\
         (getComputedStyle(document.activeElement))";
    browser.press("j");
    browser.wait_for("document.activeElement.closest('tr.row')");
    assert_eq!(browser.eval(outline), true, "a row");
    browser.wait_for("document.querySelector('#tab-groups')");
    browser.eval("document.querySelector('#tab-groups').focus({ focusVisible: true })");
    assert_eq!(browser.eval(outline), true, "a tab");
    let chosen = "getComputedStyle(document.querySelector('[role=tab][aria-selected=true]'))";
    assert_eq!(browser.eval(&format!("{chosen}.borderTopStyle")), "solid", "the tab that is shown");
    open(browser, "payments.stripe/charge");
    browser.wait_for("document.querySelector('#drawer .chart')");
    // Bands and lines of the charts are drawn in a colour that is seen on the ground.
    let ground = "getComputedStyle(document.body).backgroundColor";
    let band = "getComputedStyle(document.querySelector('.spark .band-open')).fill";
    assert_ne!(browser.eval(band), browser.eval(ground));
    let letters = "getComputedStyle(document.querySelector('#drawer .chart text')).fill";
    assert_ne!(browser.eval(letters), browser.eval(ground));
    browser.draw("forced-drawer.png");
    ask(browser, "override");
    let choice = "getComputedStyle(document.querySelector('.choices label:has(:checked)'))";
    assert_eq!(browser.eval(&format!("{choice}.outlineStyle")), "solid", "the choice that is made");
    browser.draw("forced-dialog.png");
    browser.press("Escape");
}
