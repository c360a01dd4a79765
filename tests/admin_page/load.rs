//! A thousand circuits on the page, of which fifty change each second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep};

use crate::browser::Browser;
use crate::call;
use crate::site::Site;

fn names() -> Vec<String> {
    (0..1000).map(|number| format!("circuit-{number}")).collect()
}

fn crowd(names: &[String]) -> Site {
    Site::start(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn visit(browser: &mut Browser, site: &Site) {
    browser.show_on(1280, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('.card').length === 1000");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_thousand_circuits_that_change_are_all_known_and_only_those_in_sight_drawn() {
    let mut browser = Browser::start();
    let names = names();
    let site = crowd(&names);
    visit(&mut browser, &site);
    browser.eval(COUNT_DRAWN);
    let before = browser.nodes();

    for round in names.chunks(50).take(10) {
        for name in round {
            call(&site.circuit(name), 20, 0);
            site.circuit(name).trip();
        }
        let last = format!("circuits.get({:?}).data.state === 'open'", round[49]);
        browser.wait_for(&last);
    }
    browser.wait_for("filters[1][3].textContent === 'Open 500'");
    browser.wait_for("document.querySelector('.state').textContent === 'Open'");

    let drawn = browser.eval("drawn.size").as_u64().unwrap();
    assert!(drawn < 200, "{drawn} cards drawn, where no more than twenty are in sight");
    let (after, text) = (browser.nodes(), browser.eval("document.body.innerText"));
    assert!(after < before + before / 2, "{before} nodes, and then {after}");
    assert!(text.as_str().unwrap().contains("500 closed · 500 open"), "{text}");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_card_that_changes_its_place_moves_alone() {
    let mut browser = Browser::start();
    let site = crowd(&names());
    visit(&mut browser, &site);
    let first = |name: &str| format!("document.querySelector('.card').ariaLabel === {name:?}");
    browser.eval(COUNT_MOVES);

    // From its place among the last to the front, and back.
    site.circuit("circuit-998").trip();
    browser.wait_for(&first("circuit-998"));
    site.circuit("circuit-998").reset();
    browser.wait_for(&first("circuit-0"));

    let moves = browser.eval("moves").as_u64().unwrap();
    assert_eq!(moves, 2);
    let order = "[...document.querySelectorAll('.card')].map(card => card.ariaLabel)";
    let mut expected = names();
    expected.sort();
    assert_eq!(browser.eval(order), json!(expected));
}

/// Counts the nodes that are put to another place from here on.
const COUNT_MOVES: &str = "globalThis.moves = 0; { const insert = Node.prototype.insertBefore; \
     Node.prototype.insertBefore = function (...nodes) { moves++; return insert.apply(this, nodes); }; } 0";

/// Notes which cards are drawn from here on.
const COUNT_DRAWN: &str = "globalThis.drawn = new Set(); globalThis.drawsCard = drawCard; \
     drawCard = circuit => { drawn.add(circuit.name); drawsCard(circuit); }; 0";

/// Prints figures; `tests/deep.sh page` runs it.
#[test]
#[ignore = "a measurement: run by tests/deep.sh"]
fn what_fifty_changes_a_second_of_a_thousand_circuits_take() {
    let mut browser = Browser::start();
    let names = names();
    let site = crowd(&names);
    let load = Load::start(&site, names);
    std::thread::park_timeout(WARMING_UP);
    let unseen = load.longest();
    visit(&mut browser, &site);
    std::thread::park_timeout(WARMING_UP);
    let (memory, heap, nodes) = (resident(), browser.heap(), browser.nodes());
    let at_first = load.longest();
    browser.eval(WATCH);

    let seconds = std::env::var("PAGE_SECONDS").map_or(10, |text| text.parse().unwrap());
    std::thread::park_timeout(Duration::from_secs(seconds));
    let page = browser.eval("({ ...watched, frames: watched.frames })");
    let changes = load.changes.load(Ordering::Relaxed);
    let then = load.longest();
    let search = browser.eval(SEARCH);
    let (memory_after, heap_after, nodes_after) = (resident(), browser.heap(), browser.nodes());
    drop(load);

    let figure = |name: &str| page[name].as_f64().unwrap_or_default();
    eprintln!("{seconds} s, 1000 circuits, {changes} changes with {WARMING_UP:?} twice before");
    eprintln!("server: longest gap of a task that ticks each millisecond, and work meanwhile:");
    eprintln!("server: {unseen} before the page, {at_first} as it came, {then} then");
    eprintln!("server: {memory} KiB resident, then {memory_after}");
    eprintln!(
        "page: longest task {:.0} ms, longest gap of frames {:.0} ms, {:.0} frames a second",
        figure("task"),
        figure("gap"),
        figure("frames") / figure("seconds"),
    );
    eprintln!("page: a search is painted after {:.0} ms", search.as_f64().unwrap());
    eprintln!("page: {heap} KiB of heap, then {heap_after}; {nodes} nodes, then {nodes_after}");
    assert!(page != Value::Null);
}

const WARMING_UP: Duration = Duration::from_secs(5);

/// Notes the longest task, and the longest time without a frame.
const WATCH: &str = "globalThis.watched = { task: 0, gap: 0, frames: 0, seconds: 0 }; \
     new PerformanceObserver(list => { for (const { duration } of list.getEntries()) \
         watched.task = Math.max(watched.task, duration); }).observe({ entryTypes: ['longtask'] }); \
     { const from = performance.now(); let last = from; \
       const frame = () => { const now = performance.now(); \
           watched.gap = Math.max(watched.gap, now - last); \
           watched.seconds = (now - from) / 1000; watched.frames++; last = now; \
           requestAnimationFrame(frame); }; requestAnimationFrame(frame); } 0";

/// Types a name, and tells when that is to be seen.
const SEARCH: &str = "new Promise(done => { const from = performance.now(); \
     const search = document.querySelector('#search'); search.value = 'circuit-77'; \
     search.dispatchEvent(new Event('input')); \
     requestAnimationFrame(() => setTimeout(() => done(performance.now() - from))); })";

/// Changes fifty circuits a second, and sees how long the server's one thread is away.
struct Load {
    changes: Arc<AtomicU64>,
    longest: Arc<Longest>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn start(site: &Site, names: Vec<String>) -> Self {
        let load =
            Self { changes: Arc::default(), longest: Arc::default(), is_over: Arc::default() };
        site.spawn(tick(Arc::clone(&load.longest)));
        let (changes, is_over) = (Arc::clone(&load.changes), Arc::clone(&load.is_over));
        let registry = site.registry.clone();
        // Elsewhere: calls are not made by the task that serves the page.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async {
                let mut ticks = interval(Duration::from_millis(20));
                for number in (0..).map(|number: usize| number * 7 % names.len()) {
                    ticks.tick().await;
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let circuit = registry.get(&names[number]).unwrap();
                    if circuit.snapshot().retry_after.is_some() {
                        circuit.reset()
                    } else {
                        circuit.trip()
                    }
                    changes.fetch_add(1, Ordering::Relaxed);
                    // All others are called.
                    for near in 1..=20 {
                        let other = &names[(number + near * 43) % names.len()];
                        call(&registry.get(other).unwrap(), 5, 20);
                    }
                }
            });
        });
        load
    }

    /// Since it was asked before.
    fn longest(&self) -> String {
        let [gap, work] = [&self.longest.gap, &self.longest.work]
            .map(|nanos| Duration::from_nanos(nanos.swap(0, Ordering::Relaxed)));
        format!("{gap:.1?} ({work:.1?})")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Nanoseconds between two ticks: by the clock, which other programs make longer, and those that the
/// thread has worked.
#[derive(Default)]
struct Longest {
    gap: AtomicU64,
    work: AtomicU64,
}

async fn tick(longest: Arc<Longest>) {
    let (mut last, mut last_worked) = (Instant::now(), worked());
    loop {
        sleep(Duration::from_millis(1)).await;
        let gap = u64::try_from(last.elapsed().as_nanos()).unwrap();
        let work = worked();
        longest.gap.fetch_max(gap, Ordering::Relaxed);
        longest.work.fetch_max(work - last_worked, Ordering::Relaxed);
        (last, last_worked) = (Instant::now(), work);
    }
}

/// The nanoseconds that this thread has had a processor; 0 where nobody tells.
fn worked() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Of this process, which is the server; 0 where nobody tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}
