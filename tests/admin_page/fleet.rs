//! The fleet, and what the page says when its store is away.

use tokio::runtime::Runtime;
use tower_circuit_breaker_redis::RedisSync;

use crate::browser::Browser;
use crate::redis::Server;
use crate::site::Site;
use crate::{LIVE, call, row, state_of};

const PANE: &str = "document.querySelector('#view').innerText";

#[test]
#[ignore = "needs chromium and redis-server: run by tests/run.sh"]
fn a_fleet_is_shown_and_one_whose_store_is_away_says_so() {
    let runtime = Runtime::new().unwrap();
    let mut browser = Browser::start();
    let sites = [Site::start(&["plants", "prices"]), Site::start(&["plants", "prices"])];
    let mut server = runtime.block_on(Server::start());
    let links = ["pod-1", "pod-2"].into_iter().zip(&sites).map(|(name, site)| {
        let link = RedisSync::builder(server.url()).node(name).quorum(1);
        runtime.block_on(link.connect(&site.registry)).unwrap()
    });
    let _links: Vec<_> = links.collect();
    browser.show_on(1440, 900, "light");
    browser.visit(&sites[0].url("/ops/"));
    browser.wait_for("document.querySelector('#tab-fleet')");
    call(&sites[1].circuit("plants"), 10, 60);
    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
    browser.wait_for("document.querySelector('.incident')?.innerText.includes('fleet: ')");
    browser.eval("document.querySelector('#tab-fleet').click()");
    browser.wait_for(&format!("{PANE}.includes('pod-2') && {PANE}.includes('Open')"));
    browser.draw("fleet.png");

    server.kill();
    browser.wait_for("document.querySelector('#fleet-lost')");
    let says = browser.eval("document.querySelector('#fleet-lost').innerText");
    assert!(says.as_str().unwrap().contains("has not heard its fleet for"), "{says}");
    browser.wait_for(&format!("{PANE}.includes('Disconnected, deciding alone')"));
    assert_eq!(browser.eval(LIVE), true, "the page itself is live");
    browser.draw("fleet-lost.png");

    runtime.block_on(server.run());
    browser.wait_for("!document.querySelector('#fleet-lost')");
    browser.eval("document.querySelector('#tab-circuits').click()");
    browser.wait_for(&row("plants"));
}
