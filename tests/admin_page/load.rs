//! Thousands of circuits on the page, of which fifty change each second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, interval, sleep};

use crate::browser::Browser;
use crate::call;
use crate::site::Site;

fn names(number: usize) -> Vec<String> {
    (0..number).map(|number| format!("circuit-{number:05}")).collect()
}

fn crowd(names: &[String]) -> Site {
    Site::start(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn visit(browser: &mut Browser, site: &Site, number: &str) {
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&format!(
        "document.querySelector('#tab-circuits i')?.textContent === '{number}'"
    ));
}

/// Elements of the page, and no more than the screen has room for.
const ELEMENTS: &str = "document.querySelectorAll('*').length";

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn of_ten_thousand_circuits_only_those_in_sight_have_elements() {
    let mut browser = Browser::start();
    let names = names(10_000);
    let site = crowd(&names);
    visit(&mut browser, &site, "10,000");
    assert!(browser.eval(ELEMENTS).as_u64().unwrap() < 3000);

    // Ten thousand change at once: each is known, and the worst come first.
    for name in &names[5000..] {
        site.circuit(name).trip();
    }
    browser.wait_for("document.querySelector('#overall').innerText.startsWith('5,000 open')");
    browser.wait_for("document.querySelector('tr.row .c-name').textContent === 'circuit-05000'");
    for place in [0.2, 0.6, 1.0] {
        browser.eval(&format!(
            "{{ const scroll = document.querySelector('#scroll'); \
             scroll.scrollTop = scroll.scrollHeight * {place}; }} true"
        ));
        browser.eval("new Promise(done => setTimeout(done, 200))");
    }
    browser.wait_for("[...document.querySelectorAll('tr.row')].some(row => row.textContent.includes('circuit-04999'))");
    let elements = browser.eval(ELEMENTS).as_u64().unwrap();
    assert!(elements < 3000, "{elements} after scrolling");

    browser.eval(
        "document.querySelector('#q').value = 'circuit-0777'; \
         document.querySelector('#q').dispatchEvent(new Event('input'))",
    );
    browser.wait_for("document.querySelectorAll('tr.row').length === 10");
    browser.wait_for("document.querySelector('#tab-circuits i').textContent === '10 of 10,000'");
}

/// Prints what scrolling takes of ten thousand; `tests/deep.sh page` runs it.
#[test]
#[ignore = "a measurement: run by tests/deep.sh"]
fn what_scrolling_through_ten_thousand_circuits_takes() {
    let mut browser = Browser::start();
    let names = names(10_000);
    let site = crowd(&names);
    let load = Load::start(&site, names);
    visit(&mut browser, &site, "10,000");
    std::thread::park_timeout(WARMING_UP);
    for (what, by) in [("a row a frame", 24), ("a screen a frame", 600)] {
        let took = browser.eval(&SCROLL.replace("BY", &by.to_string()));
        eprintln!(
            "page: {what}: script {:.1} ms at the median, {:.1} at p95",
            took[0].as_f64().unwrap(),
            took[1].as_f64().unwrap()
        );
    }
    let search = browser.eval(SEARCH);
    eprintln!("page: a search among 10,000 is painted after {:.0} ms", search.as_f64().unwrap());
    eprintln!("page: {} elements", browser.eval(ELEMENTS));
    drop(load);
}

/// What the page's own script takes of each of two hundred frames in which the table scrolls.
const SCROLL: &str = "new Promise(done => { const scroll = document.querySelector('#scroll'), took = []; \
     const frame = () => { const from = performance.now(); scroll.scrollTop += BY; \
       scroll.dispatchEvent(new Event('scroll')); took.push(performance.now() - from); \
       if (took.length < 200) return requestAnimationFrame(frame); \
       took.sort((a, z) => a - z); done([took[100], took[190]]); }; requestAnimationFrame(frame); })";

/// Prints figures; `tests/deep.sh page` runs it.
#[test]
#[ignore = "a measurement: run by tests/deep.sh"]
fn what_fifty_changes_a_second_of_a_thousand_circuits_take() {
    let mut browser = Browser::start();
    let names = names(1000);
    let site = crowd(&names);
    let load = Load::start(&site, names);
    std::thread::park_timeout(WARMING_UP);
    let unseen = load.longest();
    visit(&mut browser, &site, "1,000");
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
     const search = document.querySelector('#q'); search.value = 'circuit-0077'; \
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
