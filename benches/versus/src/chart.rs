//! The chart: what each case costs, and how time windows grow, as SVG.

use std::error::Error;

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoFont, RGBColor, TextStyle, WHITE};

use crate::cases::GROWTH;
use crate::contestants::{ALL, Contestant};
use crate::figure::grouped;
use crate::machine;
use crate::table::{Part, Report, Row};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<T = ()> = Result<T, Box<dyn Error>>;

/// Draws the costs of calls as bars, and their growth as lines over the calls in the window.
pub(crate) fn draw(report: &Report) -> Drawn<String> {
    let threads = report.rows(Part::Threads).iter();
    let threads = threads.filter(|row| !row.case.starts_with("1 thread"));
    let costs: Vec<_> = report.rows(Part::Calls).iter().chain(threads).collect();
    let held = GROWTH.iter().map(|(held, _)| *held);
    let growth: Vec<_> = held.zip(report.rows(Part::Growth)).collect();
    let mut svg = String::new();
    {
        let bars_height = TOP + i32::try_from(costs.len())? * row_height() + BOTTOM;
        let size = (u32::try_from(WIDTH)?, u32::try_from(bars_height + LINES_HEIGHT)?);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (upper, lower) = root.split_vertically(bars_height);
        draw_head(&upper, &report.made.to_string())?;
        draw_bars(&upper, &costs)?;
        draw_lines(&lower, &growth)?;
        root.present()?;
    }
    Ok(svg)
}

fn draw_head(area: &Area<'_>, made: &str) -> Drawn {
    text(area, "Cost of a call through a circuit breaker", (20, 24), 20, BLACK, HPos::Left)?;
    let what = "ns above the bare service, median; logarithmic scale; shorter is better";
    text(area, &format!("{what}. {made}"), (20, 48), 12, GREY, HPos::Left)?;
    draw_legend(area, shown().map(|(one, color)| (name(one), color)), 72)
}

fn draw_legend(
    area: &Area<'_>,
    entries: impl Iterator<Item = (String, RGBColor)>,
    middle: i32,
) -> Drawn {
    let (mut left, mut middle) = (20, middle);
    for (name, color) in entries {
        // About as wide as the letters are in any font.
        let width = 38 + 6 * i32::try_from(name.len())?;
        if left + width > WIDTH {
            (left, middle) = (20, middle + 18);
        }
        let corners = [(left, middle - 6), (left + 11, middle + 5)];
        area.draw(&Rectangle::new(corners, color.filled()))?;
        text(area, &name, (left + 16, middle), 12, BLACK, HPos::Left)?;
        left += width;
    }
    Ok(())
}

fn draw_bars(area: &Area<'_>, costs: &[&Row]) -> Drawn {
    let values =
        costs.iter().flat_map(|row| row.cells.iter().skip(1)).filter_map(|cell| cell.value);
    let decades = values.fold(10.0, f64::max).log10().ceil();
    let scale = |value: f64| {
        let length = value.max(1.0).log10() / decades * f64::from(BARS.1 - BARS.0);
        BARS.0 + pixels(length)
    };
    let bottom = TOP + i32::try_from(costs.len())? * row_height();
    let mut tick = 1.0_f64;
    while tick.log10() <= decades + 0.01 {
        let x = scale(tick);
        area.draw(&PathElement::new([(x, TOP - 6), (x, bottom)], PALE.stroke_width(1)))?;
        text(area, &grouped(tick), (x, bottom + 12), 12, GREY, HPos::Center)?;
        tick *= 10.0;
    }
    let mut top = TOP;
    for row in costs {
        let middle = top + (row_height() - GAP) / 2;
        text(area, &row.case, (BARS.0 - 12, middle), 13, BLACK, HPos::Right)?;
        for ((_, color), cell) in shown().zip(row.cells.iter().skip(1)) {
            let right = scale(cell.value.unwrap_or(1.0));
            let bar = [(BARS.0, top + 1), (right.max(BARS.0 + 1), top + BAR - 1)];
            area.draw(&Rectangle::new(bar, color.filled()))?;
            let label = cell.value.map_or("none".into(), |value| format!("{value:.0}"));
            let shade = if cell.value.is_some() { BLACK } else { GREY };
            text(area, &label, (right + 5, top + BAR / 2), 10, shade, HPos::Left)?;
            top += BAR;
        }
        top += GAP;
    }
    Ok(())
}

fn draw_lines(area: &Area<'_>, growth: &[(u32, &Row)]) -> Drawn {
    text(area, "The same, by the calls that a time window holds", (20, 10), 16, BLACK, HPos::Left)?;
    let measured = |index: usize| {
        growth
            .iter()
            .any(|(_, row)| row.cells.get(index + 1).is_some_and(|cell| cell.value.is_some()))
    };
    let entries = shown().enumerate().filter(|(index, _)| measured(*index));
    draw_legend(area, entries.map(|(_, (one, color))| (name(one), color)), 36)?;

    let calls = growth.iter().map(|(calls, _)| f64::from(*calls));
    let widest = calls.fold(1_000.0, f64::max) * 2.0;
    let values = growth.iter().flat_map(|(_, row)| row.cells.iter().skip(1));
    let highest = values.filter_map(|cell| cell.value).fold(100.0, f64::max) * 2.0;

    let mut chart = ChartBuilder::on(area)
        .margin_top(72)
        .margin_left(20)
        .margin_right(60)
        .x_label_area_size(36)
        .y_label_area_size(76)
        .build_cartesian_2d((800.0..widest).log_scale(), (1.0..highest).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(PALE)
        .axis_style(GREY)
        .x_desc("calls in the window")
        .y_desc("ns per call")
        .x_label_formatter(&|calls| grouped(*calls))
        .y_label_formatter(&|nanos| grouped(*nanos))
        .label_style(("sans-serif", 12).into_font().color(&GREY))
        .draw()?;
    for (index, (_, color)) in shown().enumerate() {
        let point = |(calls, row): &(u32, &Row)| {
            Some((f64::from(*calls), row.cells.get(index + 1)?.value?.max(1.0)))
        };
        let points: Vec<_> = growth.iter().filter_map(point).collect();
        chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|at| Circle::new(*at, 3, color.filled())))?;
    }
    Ok(())
}

/// All but bare, with their colours.
fn shown() -> impl Iterator<Item = (&'static Contestant, RGBColor)> {
    ALL.iter().skip(1).zip(COLORS)
}

fn name(contestant: &Contestant) -> String {
    let version = machine::version_of(contestant.name).unwrap_or_default();
    format!("{} {version} {}", contestant.name, contestant.label).trim_end().to_owned()
}

fn text(
    area: &Area<'_>,
    words: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
    side: HPos,
) -> Drawn {
    Ok(area.draw(&Text::new(words.to_owned(), at, style(size, color, side)))?)
}

fn style(size: i32, color: RGBColor, side: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&color).pos(Pos::new(side, VPos::Center))
}

#[expect(clippy::cast_possible_truncation, reason = "a length within the picture")]
fn pixels(length: f64) -> i32 {
    length.round() as i32
}

fn row_height() -> i32 {
    // As many bars as there are colours.
    BAR * 8 + GAP
}

/// Told apart by people who see few colours, too (Okabe and Ito); ours stands out.
const COLORS: [RGBColor; ALL.len() - 1] = [
    RGBColor(213, 94, 0),
    RGBColor(240, 170, 60),
    RGBColor(120, 50, 0),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(110, 110, 110),
    RGBColor(0, 158, 115),
    RGBColor(204, 160, 190),
];
const GREY: RGBColor = RGBColor(110, 110, 110);
const PALE: RGBColor = RGBColor(225, 225, 225);
const WIDTH: i32 = 1_000;
/// Where the first bar begins.
const TOP: i32 = 114;
const BOTTOM: i32 = 50;
/// From where to where bars go, from left to right.
const BARS: (i32, i32) = (270, 940);
const BAR: i32 = 11;
const GAP: i32 = 12;
const LINES_HEIGHT: i32 = 356;
