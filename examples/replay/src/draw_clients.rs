//! The load of many clients as a picture: a chart for each setting, one below the other.

use plotters::series::LineSeries;
use plotters::style::text_anchor::HPos;
use plotters::style::{BLACK, Color};

use crate::canvas::{Area, Drawn, GREY, RED, RIGHT, SKY, axes, bars, picture, text};
use crate::clients::{END, Outing, Second};
use crate::report::grouped;

pub(crate) fn draw(outings: &[Outing], clients: u32) -> Drawn<String> {
    let height = i32::try_from(outings.len())? * PANEL + HEAD + 24;
    let title = format!("{} clients of one recovering upstream", grouped(clients.into()));
    let below =
        "calls per second that reach the upstream, by the settings of the clients' circuits";
    let legend = [("answered", SKY), ("refused", RED), ("line: what it can answer", BLACK)];
    picture(height, (&title, below), &legend, |root| {
        let (_, mut rest) = root.split_vertically(HEAD);
        for (index, outing) in outings.iter().enumerate() {
            let is_last = index + 1 == outings.len();
            let (panel, below) = rest.split_vertically(if is_last { PANEL + 18 } else { PANEL });
            let x_name = if is_last { "time in seconds" } else { "" };
            load(&panel, outing, clients, x_name)?;
            rest = below;
        }
        Ok(())
    })
}

fn load(area: &Area<'_>, outing: &Outing, clients: u32, x_name: &str) -> Drawn {
    let seconds = || (0_u32..).zip(&outing.seconds);
    let end = f64::from(u32::try_from(END)?);
    let mut chart = axes(area, (x_name, end), ("calls per second", f64::from(clients) * 1.4))?;
    let place = |second: u32| [f64::from(second), f64::from(second) + 1.0];
    let answered = |one: &Second| [0.0, f64::from(one.answered)];
    let refused = |one: &Second| [f64::from(one.answered), f64::from(one.tried)];
    bars(&mut chart, SKY, seconds().map(|(at, one)| (place(at), answered(one))))?;
    bars(&mut chart, RED, seconds().map(|(at, one)| (place(at), refused(one))))?;
    let capacity = seconds().flat_map(|(at, one)| place(at).map(|x| (x, one.capacity)));
    chart.draw_series(LineSeries::new(capacity, BLACK.stroke_width(2)))?;
    let told = [
        format!("peak {:.1} × what it can answer", outing.peak()),
        match outing.full_service() {
            Some(after) => format!("full service after {after} s"),
            None => "full service is not seen".to_owned(),
        },
    ];
    for (line, told) in (0..).zip(told) {
        text(area, &told, (RIGHT + 10, 50 + 18 * line), 11, GREY, HPos::Left)?;
    }
    text(area, &outing.name, (20, 8), 13, BLACK, HPos::Left)
}

const HEAD: i32 = 96;
const PANEL: i32 = 120;
