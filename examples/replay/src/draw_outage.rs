//! The time line of one outage as a picture that can stand in a page of the documentation: its text
//! takes the page's colours, dark or light, and nothing of it needs a script or another file.

use std::fmt::Write;
use std::time::Duration;

use tower_circuit_breaker::CircuitState;

use crate::outage::{Change, Second, Story};
use crate::report::grouped;

/// Draws `story`. Without blank lines, which would end it as a part of a page in Markdown.
pub(crate) fn draw(story: &Story) -> String {
    let mut svg = format!("{HEAD}{}{STYLE}", words(story));
    let length = story.seconds.iter().map(|_| 1.0).sum();
    let picture = Picture { story, length };
    picture.title(&mut svg);
    picture.grid(&mut svg);
    picture.calls(&mut svg);
    picture.marks(&mut svg);
    picture.upstream(&mut svg);
    picture.states(&mut svg);
    svg.push_str("</svg>\n");
    svg
}

/// What the picture shows, for those who do not see it.
fn words(story: &Story) -> String {
    let [began, ended] = story.ill().map(seconds);
    let [answered, failed, rejected] = story.sums().map(grouped);
    let mut text = format!(
        "<title>{TITLE}</title>\n<desc>Calls per second above, states below. The upstream refuses \
         connections from {began} to {ended}."
    );
    for change in &story.changes {
        let _ = write!(text, " At {} the circuit is {}.", seconds(change.at), word(change.to));
    }
    let _ = writeln!(
        text,
        " {answered} calls are answered, {failed} fail, {rejected} are rejected.</desc>"
    );
    text
}

struct Picture<'a> {
    story: &'a Story,
    /// In whole seconds.
    length: f64,
}

impl Picture<'_> {
    fn x(&self, at: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (at / self.length).min(1.0)
    }

    fn title(&self, svg: &mut String) {
        let [answered, failed, rejected] = self.story.sums().map(grouped);
        text(svg, "title", (LEFT, 26.0), TITLE);
        let below =
            format!("40 calls per second through a circuit; settings: {}", self.story.settings);
        text(svg, "faint", (LEFT, 46.0), &escaped(&below));
        let legend = [
            ("answered", format!("{answered} answered"), 140.0),
            ("failed", format!("{failed} failed"), 110.0),
            ("rejected", format!("{rejected} rejected at once"), 200.0),
            ("half-open", "half-open: one call probes".to_owned(), 0.0),
        ];
        let mut left = LEFT;
        for (class, words, width) in legend {
            rect(svg, class, [left, LEGEND - 10.0, 12.0, 12.0]);
            text(svg, "words", (left + 18.0, LEGEND), &words);
            left += width;
        }
    }

    /// Lines behind the calls, and what both axes count.
    fn grid(&self, svg: &mut String) {
        for calls in [0, 20, 40] {
            let y = height(f64::from(calls));
            line(svg, "grid", [LEFT, y, RIGHT, y]);
            text(svg, "faint end", (LEFT - 8.0, y + 4.0), &calls.to_string());
        }
        text(svg, "faint end", (LEFT - 8.0, height(40.0) - 14.0), "calls/s");
        let mut at = 0.0;
        while at <= self.length {
            let x = self.x(at);
            line(svg, "grid", [x, BANDS_END, x, BANDS_END + 5.0]);
            text(svg, "faint middle", (x, BANDS_END + 19.0), &format!("{at:.0} s"));
            at += 10.0;
        }
    }

    /// The calls of each second, one kind upon the other.
    fn calls(&self, svg: &mut String) {
        let kinds: [(&str, fn(&Second) -> [u32; 2]); 3] = [
            ("answered", |one| [0, one.answered]),
            ("failed", |one| [one.answered, one.failed]),
            ("rejected", |one| [one.answered + one.failed, one.rejected]),
        ];
        for (class, part) in kinds {
            let mut path = String::new();
            for (at, second) in (0_u32..).zip(&self.story.seconds) {
                let [below, count] = part(second).map(f64::from);
                if count > 0.0 {
                    let (left, right) = (self.x(f64::from(at)), self.x(f64::from(at + 1)));
                    let (low, high) = (height(below), height(below + count));
                    let _ =
                        write!(path, "M{left:.1} {low:.1}V{high:.1}H{:.1}V{low:.1}z", right - 1.0);
                }
            }
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    fn upstream(&self, svg: &mut String) {
        let [began, ended] = self.story.ill();
        text(svg, "words end", (LEFT - 8.0, UPSTREAM + 17.0), "upstream");
        self.band(svg, "well", UPSTREAM, [Duration::ZERO, began], "well");
        self.band(svg, "ill", UPSTREAM, [began, ended], "refuses connections");
        self.band(svg, "well", UPSTREAM, [ended, self.story.length], "well");
    }

    fn states(&self, svg: &mut String) {
        text(svg, "words end", (LEFT - 8.0, STATES + 17.0), "circuit");
        let first = self.story.changes.first().map_or(self.story.length, |first| first.at);
        self.state(svg, CircuitState::Closed, [Duration::ZERO, first]);
        for (index, change) in self.story.changes.iter().enumerate() {
            let next = self.story.changes.get(index + 1).map_or(self.story.length, |next| next.at);
            self.state(svg, change.to, [change.at, next]);
        }
        // Above the states around them: a probe takes milliseconds.
        for change in self.story.changes.iter().filter(|one| one.to == CircuitState::HalfOpen) {
            let x = self.x(change.at.as_secs_f64());
            rect(svg, "half-open", [x - 2.5, STATES - 4.0, 5.0, BAND + 8.0]);
        }
    }

    fn state(&self, svg: &mut String, state: CircuitState, span: [Duration; 2]) {
        self.band(svg, word(state), STATES, span, word(state));
    }

    /// A stretch of time, with its name where there is room.
    fn band(&self, svg: &mut String, class: &str, top: f64, span: [Duration; 2], name: &str) {
        let [left, right] = span.map(|at| self.x(at.as_secs_f64()));
        if right - left < 0.1 {
            return;
        }
        rect(svg, class, [left, top, right - left, BAND]);
        if right - left > 60.0 {
            text(svg, "on middle", (f64::midpoint(left, right), top + 17.0), name);
        }
    }

    /// Lines where the circuit trips, where a probe has failed, and where it has recovered.
    fn marks(&self, svg: &mut String) {
        let mut free = 0.0;
        for change in &self.story.changes {
            let Some([what, more]) = self.told(change) else { continue };
            let x = self.x(change.at.as_secs_f64());
            line(svg, "mark", [x, MARKS - 12.0, x, BANDS_END]);
            if x >= free {
                text(svg, "strong", (x + 6.0, MARKS), &what);
                text(svg, "faint", (x + 6.0, MARKS + 15.0), &more);
                free = x + 185.0;
            }
        }
    }

    fn told(&self, change: &Change) -> Option<[String; 2]> {
        let [began, ended] = self.story.ill();
        let open_for = change.open_for.unwrap_or_default();
        Some(match (change.from, change.to) {
            (CircuitState::Closed, CircuitState::Open) => [
                "the circuit trips".to_owned(),
                format!("{} into the outage", seconds(change.at.saturating_sub(began))),
            ],
            (_, CircuitState::Open) => {
                ["a probe fails".to_owned(), format!("open for another {}", seconds(open_for))]
            }
            (_, CircuitState::Closed) => [
                "a probe succeeds".to_owned(),
                format!("{} after the outage", seconds(change.at.saturating_sub(ended))),
            ],
            _ => return None,
        })
    }
}

/// The name of a state, and of its looks.
fn word(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
    }
}

fn height(calls: f64) -> f64 {
    CHART_END - calls * (CHART_END - CHART) / MOST
}

fn seconds(time: Duration) -> String {
    let text = format!("{:.1}", time.as_secs_f64());
    format!("{} s", text.trim_end_matches(".0"))
}

fn text(svg: &mut String, class: &str, (x, y): (f64, f64), words: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

fn rect(svg: &mut String, class: &str, [x, y, width, height]: [f64; 4]) {
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}

fn line(svg: &mut String, class: &str, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

/// A name of settings may be that of a file.
fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;")
}

/// Calls per second that find room below the names of the marks.
const MOST: f64 = 70.0;
const TITLE: &str = "One outage, and what a circuit makes of it";
const LEFT: f64 = 84.0;
const RIGHT: f64 = 904.0;
const LEGEND: f64 = 72.0;
/// Where the names of the marks stand.
const MARKS: f64 = 104.0;
const CHART: f64 = 100.0;
const CHART_END: f64 = 280.0;
const UPSTREAM: f64 = 296.0;
const STATES: f64 = 330.0;
const BAND: f64 = 25.0;
const BANDS_END: f64 = STATES + BAND + 8.0;

const HEAD: &str = "<svg class=\"outage\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 940 396\" width=\"100%\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n";
/// The page's own colours where it has them, as rustdoc does; else by what the reader prefers.
const STYLE: &str = "<style>
.outage { --ink: var(--main-color, #1f2328); --paper: var(--main-background-color, #fff); background: var(--paper); color: var(--ink); max-width: 940px; }
@media (prefers-color-scheme: dark) { .outage { --ink: var(--main-color, #e6edf3); --paper: var(--main-background-color, #0d1117); } }
.outage text { fill: var(--ink); }
.outage .title { font-size: 18px; font-weight: 600; }
.outage .strong { font-weight: 600; }
.outage .faint { opacity: .72; font-size: 12px; }
.outage .end { text-anchor: end; }
.outage .middle { text-anchor: middle; }
.outage .on { fill: #fff; font-weight: 600; }
.outage .grid { stroke: var(--ink); opacity: .18; }
.outage .mark { stroke: var(--ink); stroke-dasharray: 3 3; opacity: .8; }
.outage .answered, .outage .closed { fill: #0a7cb8; }
.outage .failed, .outage .ill { fill: #d1490b; }
.outage .rejected { fill: #8c96a3; }
.outage .open { fill: #59636f; }
.outage .half-open { fill: #f0a830; stroke: var(--paper); }
.outage .well { fill: #2b8a5b; }
</style>
";
