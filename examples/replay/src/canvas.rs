//! What both pictures are drawn with.

use std::error::Error;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoFont, RGBColor, TextStyle, WHITE};

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(crate) type Drawn<T = ()> = Result<T, Box<dyn Error>>;

/// Draws a picture of `height` under a title, a line below it and a legend.
pub(crate) fn picture(
    height: i32,
    (title, below): (&str, &str),
    legend: &[(&str, RGBColor)],
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Drawn<String> {
    let mut svg = String::new();
    {
        let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        text(&root, title, (20, 24), 20, BLACK, HPos::Left)?;
        text(&root, below, (20, 48), 13, GREY, HPos::Left)?;
        let mut left = 20;
        for (name, color) in legend {
            root.draw(&Rectangle::new([(left, 66), (left + 12, 78)], color.filled()))?;
            text(&root, name, (left + 18, 72), 12, BLACK, HPos::Left)?;
            left += 46 + 7 * i32::try_from(name.len())?;
        }
        draw(&root)?;
        root.present()?;
    }
    Ok(svg)
}

/// Axes over the whole width of `area`, from 0 to `x` and to `y`.
pub(crate) fn axes<'a, 'b>(
    area: &'a Area<'b>,
    (x_name, x): (&str, f64),
    (y_name, y): (&str, f64),
) -> Drawn<Chart<'a, 'b>> {
    text(area, y_name, (LEFT, 8), 12, GREY, HPos::Left)?;
    let mut chart = ChartBuilder::on(area)
        .margin_right(WIDTH - RIGHT)
        .margin_top(22)
        .x_label_area_size(if x_name.is_empty() { 18 } else { 36 })
        .y_label_area_size(LEFT)
        .build_cartesian_2d(0.0..x, 0.0..y)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(PALE)
        .axis_style(GREY)
        .x_labels(12)
        .y_labels(5)
        .x_desc(x_name)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|value| number(*value))
        .label_style(("sans-serif", 12).into_font().color(&GREY))
        .draw()?;
    Ok(chart)
}

/// Draws upright bars side by side: from where to where, and from which height to which.
pub(crate) fn bars(
    chart: &mut Chart<'_, '_>,
    color: RGBColor,
    bars: impl Iterator<Item = ([f64; 2], [f64; 2])>,
) -> Drawn {
    let seen = bars.filter(|(_, [low, high])| high > low);
    chart.draw_series(seen.map(|([left, right], [low, high])| {
        Rectangle::new([(left, low), (right, high)], color.filled())
    }))?;
    Ok(())
}

pub(crate) fn text(
    area: &Area<'_>,
    words: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
    side: HPos,
) -> Drawn {
    let style: TextStyle<'_> = ("sans-serif", size).into_font().color(&color);
    let style = style.pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(words.to_owned(), at, style))?)
}

/// As short as it can be, with commas between thousands.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.trim_end_matches(".0").parse() {
        Ok(whole) => crate::report::grouped(whole),
        Err(_) => text,
    }
}

// Told apart by people who see few colours, too (Okabe and Ito).
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const SKY: RGBColor = RGBColor(150, 205, 240);
pub(crate) const ORANGE: RGBColor = RGBColor(240, 170, 60);
pub(crate) const RED: RGBColor = RGBColor(213, 94, 0);
pub(crate) const GREY: RGBColor = RGBColor(100, 100, 100);
pub(crate) const PALE: RGBColor = RGBColor(228, 228, 228);
pub(crate) const WIDTH: i32 = 1_000;
/// From where to where time goes, from left to right.
pub(crate) const LEFT: i32 = 110;
pub(crate) const RIGHT: i32 = 830;
