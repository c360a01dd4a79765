//! The timeline as a picture: traffic and failures above, below them each circuit.

use std::time::Duration;

use plotters::element::Rectangle;
use plotters::style::text_anchor::HPos;
use plotters::style::{BLACK, Color};

use crate::bench::Bench;
use crate::canvas::{
    Area, BLUE, Drawn, GREY, LEFT, ORANGE, PALE, RED, RIGHT, SKY, axes, bars, picture, text,
};
use crate::report::{grouped, short};
use crate::timeline::Stretch;

/// Draws what `bench` has played.
pub(crate) fn draw(bench: &Bench, title: &str, below: &str) -> Drawn<String> {
    let rows = i32::try_from(bench.lanes.len())? + 1;
    let legend = [
        ("calls", SKY),
        ("failures", RED),
        ("upstream ill", GREY),
        ("circuit open", BLUE),
        ("half-open", ORANGE),
        ("closed", PALE),
    ];
    let title = format!("Replay of {title}");
    picture(CHART + rows * ROW + 20, (&title, below), &legend, |root| {
        let (_, rest) = root.split_vertically(HEAD);
        let (upper, _) = rest.split_vertically(CHART - HEAD);
        let (_, lower) = root.split_vertically(CHART + 12);
        traffic(&upper, bench)?;
        let ill = |stretch: &Stretch| [Duration::ZERO, stretch.ill];
        strip(&lower, bench, (0, "upstream", ""), &ill)?;
        for (index, lane) in bench.lanes.iter().enumerate() {
            let figures = &lane.figures;
            let told = format!("{} lost, {} saved", grouped(figures.lost), grouped(figures.saved));
            let row = i32::try_from(index)? + 1;
            let state = |stretch: &Stretch| stretch.lanes[index];
            strip(&lower, bench, (row, lane.circuit.name(), &told), &state)?;
        }
        Ok(())
    })
}

fn traffic(area: &Area<'_>, bench: &Bench) -> Drawn {
    let (unit, length) = unit(bench.length());
    let timeline = &bench.timeline;
    let rate = |calls: u64| {
        f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / timeline.width.as_secs_f64()
    };
    let most = timeline.stretches.iter().map(|stretch| rate(stretch.calls)).fold(0.1, f64::max);
    let end = bench.length().as_secs_f64() / length;
    let name = format!("time in {unit}");
    let mut chart = axes(area, (&name, end), ("calls per second", most * 1.05))?;
    let width = timeline.width.as_secs_f64() / length;
    let place = |index: usize| {
        let left = f64::from(u32::try_from(index).unwrap_or(u32::MAX)) * width;
        [left, (left + width).min(end)]
    };
    let stretches = || timeline.stretches.iter().enumerate();
    let heights = |calls: u64| [0.0, rate(calls)];
    bars(&mut chart, SKY, stretches().map(|(at, one)| (place(at), heights(one.calls))))?;
    bars(&mut chart, RED, stretches().map(|(at, one)| (place(at), heights(one.failures))))
}

/// Draws one row: for each epoch, how much of it the circuit was open and half-open.
fn strip(
    area: &Area<'_>,
    bench: &Bench,
    (row, name, told): (i32, &str, &str),
    parts: &dyn Fn(&Stretch) -> [Duration; 2],
) -> Drawn {
    let (top, bottom) = (row * ROW, row * ROW + ROW - GAP);
    let middle = (top + bottom) / 2;
    text(area, name, (LEFT - 10, middle), 13, BLACK, HPos::Right)?;
    text(area, told, (RIGHT + 10, middle), 11, GREY, HPos::Left)?;
    area.draw(&Rectangle::new([(LEFT, top), (RIGHT, bottom)], PALE.filled()))?;
    let length = bench.length().as_secs_f64();
    let width = bench.timeline.width;
    // The upstream is drawn as the second part, which has a colour of its own there.
    let colors = if row == 0 { [BLUE, GREY] } else { [BLUE, ORANGE] };
    let mut begin = Duration::ZERO;
    for stretch in &bench.timeline.stretches {
        let x = |time: Duration| {
            pixels(f64::from(RIGHT - LEFT) * (time.as_secs_f64() / length).min(1.0)) + LEFT
        };
        let (left, right) = (x(begin), x(begin + width));
        begin += width;
        let mut low = bottom;
        for (part, color) in parts(stretch).into_iter().zip(colors) {
            let share = part.as_secs_f64() / width.as_secs_f64();
            let high = (low - pixels(share * f64::from(bottom - top))).max(top);
            if high < low {
                area.draw(&Rectangle::new([(left, high), (right, low)], color.filled()))?;
            }
            low = high;
        }
    }
    Ok(())
}

/// What time is counted in, and how many seconds that is.
fn unit(length: Duration) -> (&'static str, f64) {
    match length.as_secs() {
        0..600 => ("seconds", 1.0),
        600..10_800 => ("minutes", 60.0),
        10_800..259_200 => ("hours", 3_600.0),
        _ => ("days", 86_400.0),
    }
}

/// What is said below the title.
pub(crate) fn about(bench: &Bench) -> String {
    format!("{} calls in {}", grouped(bench.calls), short(bench.length()))
}

#[expect(clippy::cast_possible_truncation, reason = "a length within the picture")]
fn pixels(length: f64) -> i32 {
    length.ceil() as i32
}

const HEAD: i32 = 88;
/// Where the chart ends.
const CHART: i32 = 370;
const ROW: i32 = 30;
const GAP: i32 = 8;
