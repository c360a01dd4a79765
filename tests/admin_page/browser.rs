//! Chromium without a window, steered through its `DevTools` protocol.
//!
//! Over two pipes, messages ended by a NUL: that needs no more than a shell.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// A browser, of whose tabs one is steered.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    profile: PathBuf,
    session: String,
    tabs: Vec<Tab>,
    sent: u64,
}

#[derive(Clone)]
struct Tab {
    target: String,
    session: String,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let program = program().expect(
            "chromium is missing: install it (on Debian: apt-get install chromium-headless-shell)",
        );
        let profile = profile();
        // Where it leaves its sockets, too.
        std::fs::create_dir_all(&profile).unwrap();
        let mut child = Command::new("sh")
            .env("TMPDIR", &profile)
            .args(["-c", &format!("exec {program} \"$@\" {PIPES}"), "sh"])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let from = BufReader::new(from);
        let (session, tabs) = (String::new(), Vec::new());
        let mut browser = Self { child, to, from, profile, session, tabs, sent: 0 };
        browser.open_tab();
        browser
    }

    /// Opens one more, which is steered from now on; gives its number.
    pub(crate) fn open_tab(&mut self) -> usize {
        self.session.clear();
        let tab = self.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = self.ask("Target.attachToTarget", &attached);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tab = Tab { target: text(&tab["targetId"]), session: text(&session["sessionId"]) };
        self.session.clone_from(&tab.session);
        self.tabs.push(tab);
        self.ask("Page.enable", &json!({}));
        self.tabs.len() - 1
    }

    /// Steers that tab, wherever it is.
    pub(crate) fn turn_to(&mut self, tab: usize) {
        self.session.clone_from(&self.tabs[tab].session);
    }

    /// Tells the tab that it is looked at, whatever others are.
    pub(crate) fn stay_visible(&mut self) {
        self.ask("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
    }

    pub(crate) fn close(&mut self, tab: usize) {
        let target = json!({ "targetId": self.tabs[tab].target });
        self.session.clear();
        self.ask("Target.closeTarget", &target);
    }

    pub(crate) fn visit(&mut self, url: &str) {
        self.ask("Page.navigate", &json!({ "url": url }));
    }

    /// What an expression is worth in the page.
    #[track_caller]
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", &asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page; gives how long that took.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "a browser runs by the clock on the wall")]
    pub(crate) fn wait_for(&mut self, expression: &str) -> Duration {
        let started = Instant::now();
        // Between two pages there is nothing to ask.
        let asked = json!({ "expression": format!("Boolean({expression})") });
        loop {
            // A page that is left meanwhile gives an error in the place of an answer.
            let answer = self.try_ask("Runtime.evaluate", &asked).unwrap_or_default();
            if answer["result"]["value"] == true {
                return started.elapsed();
            }
            let text = "document.body && document.body.innerText";
            assert!(started.elapsed() < PATIENCE, "{expression}: {answer}\n{}", self.eval(text));
            let frame = "new Promise(done => setTimeout(done, 20))";
            let pause = json!({ "expression": frame, "awaitPromise": true });
            let _ = self.try_ask("Runtime.evaluate", &pause);
        }
    }

    /// A screen of this size and colours.
    pub(crate) fn show_on(&mut self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": scheme }));
    }

    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            letter => u32::from(letter.to_uppercase().chars().next().unwrap()),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = match key {
                "Enter" => "\r",
                letter if letter.chars().count() == 1 && kind == "keyDown" => letter,
                _ => "",
            };
            let event = json!({ "type": kind, "key": key, "code": key, "text": text,
                "windowsVirtualKeyCode": code });
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Puts the pointer on the middle of what is found.
    pub(crate) fn point_at(&mut self, selector: &str) {
        let middle = format!(
            "(({{x, y, width, height}}) => [x + width / 2, y + height / 2])(\
             document.querySelector({selector:?}).getBoundingClientRect())"
        );
        let at = self.eval(&middle);
        let event = json!({ "type": "mouseMoved", "x": at[0], "y": at[1] });
        self.ask("Input.dispatchMouseEvent", &event);
    }

    /// Role, name and what else is said of all that is to be seen, a line each, as those hear it who do
    /// not see.
    pub(crate) fn spoken(&mut self) -> String {
        let tree = self.ask("Accessibility.getFullAXTree", &json!({}));
        let lines = tree["nodes"].as_array().unwrap().iter().filter_map(|node| {
            let role = node["role"]["value"].as_str().filter(|_| node["ignored"] == false)?;
            let skipped = ["generic", "none", "StaticText", "InlineTextBox", "RootWebArea"];
            if skipped.contains(&role) {
                return None;
            }
            let name = node["name"]["value"].as_str().unwrap_or_default();
            let more = node["properties"].as_array().into_iter().flatten().filter_map(|property| {
                let name = property["name"].as_str()?;
                let value = &property["value"]["value"];
                let told = ["checked", "pressed", "selected", "expanded", "modal", "disabled"];
                (told.contains(&name) && value != false).then(|| format!(" {name}={value}"))
            });
            Some(format!("{role} \"{name}\"{}\n", more.collect::<String>()))
        });
        lines.collect()
    }

    /// How many nodes the page's documents have, whether they are shown or not.
    pub(crate) fn nodes(&mut self) -> u64 {
        self.ask("HeapProfiler.collectGarbage", &json!({}));
        self.ask("Memory.getDOMCounters", &json!({}))["nodes"].as_u64().unwrap()
    }

    /// The KiB that the page's script has in use.
    pub(crate) fn heap(&mut self) -> u64 {
        self.ask("HeapProfiler.collectGarbage", &json!({}));
        let used = self.ask("Runtime.getHeapUsage", &json!({}))["usedSize"].clone();
        used.as_f64().unwrap().round().to_string().parse::<u64>().unwrap() / 1024
    }

    /// Draws what is to be seen into a PNG among the build's temporary files.
    pub(crate) fn draw(&mut self, name: &str) {
        let drawn = self.ask("Page.captureScreenshot", &json!({ "format": "png" }));
        let drawn = drawn["data"].as_str().unwrap();
        let png = base64::engine::general_purpose::STANDARD.decode(drawn).unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("admin-page");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), png).unwrap();
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.try_ask(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The result, or the error that chromium answers with.
    fn try_ask(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        write!(self.to, "{message}\0").unwrap();
        self.to.flush().unwrap();
        loop {
            let mut answer = Vec::new();
            self.from.read_until(0, &mut answer).unwrap();
            assert_eq!(answer.pop(), Some(0), "chromium has ended");
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == self.sent {
                return match answer.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(answer["result"].clone()),
                };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // By itself it ends its children first, which write to the profile until then. What fails here
        // fails only where it has ended already, which is as well.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        soon(|| !matches!(self.child.try_wait(), Ok(None)));
        let _ = self.child.kill();
        let _ = self.child.wait();
        soon(|| std::fs::remove_dir_all(&self.profile).is_ok());
    }
}

/// Tries until it is so, for two seconds at most.
#[expect(clippy::disallowed_methods, reason = "a browser ends by the clock on the wall")]
fn soon(mut is_so: impl FnMut() -> bool) {
    for _ in 0..100 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The shell of Chromium, which is all of it but a window, where it is; `CHROMIUM` names another.
fn program() -> Option<String> {
    let is_here = |program: &String| {
        let version = Command::new(program).arg("--version").stderr(Stdio::null()).output();
        version.is_ok_and(|output| output.status.success())
    };
    let known = [
        "chromium-headless-shell",
        "chrome-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
    ];
    let asked_for = std::env::var("CHROMIUM").ok();
    asked_for.into_iter().chain(known.map(str::to_owned)).find(is_here)
}

fn profile() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("circuits-{}-{count}", std::process::id()))
}

/// Chromium reads from 3 and writes to 4.
const PIPES: &str = "3<&0 4>&1 0</dev/null 1>/dev/null";
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];
/// For a busy machine; what takes so long fails.
const PATIENCE: Duration = Duration::from_secs(20);
