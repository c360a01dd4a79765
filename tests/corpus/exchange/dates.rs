//! Dates of HTTP, written and read day by day.

/// The ways to write one, of RFC 9110, section 5.6.7.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Fixed,
    Rfc850,
    Asctime,
}

pub(super) const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

/// The first second after the year 9999.
pub(super) const END: u64 = 253_402_300_800;

/// Seconds since 1970, in one of the styles.
pub(super) fn write(seconds: u64, style: Style) -> String {
    let days = seconds / 86_400;
    let (mut year, mut day) = (1970, days);
    while day >= days_of_year(year) {
        day -= days_of_year(year);
        year += 1;
    }
    let mut month = 0;
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    let weekday = WEEKDAYS[(days % 7) as usize];
    let (day, month, short) = (day + 1, MONTHS[month], &weekday[..3]);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    match style {
        Style::Fixed => format!("{short}, {day:02} {month} {year:04} {time} GMT"),
        Style::Rfc850 => format!("{weekday}, {day:02}-{month}-{:02} {time} GMT", year % 100),
        Style::Asctime => format!("{short} {month} {day:2} {time} {year:04}"),
    }
}

/// Seconds since 1970, in whichever of the styles.
pub(super) fn read(text: &str) -> Option<u64> {
    let (weekday, rest, shape) = WEEKDAYS.iter().enumerate().find_map(|(number, name)| {
        SHAPES.into_iter().find_map(|(style, shape)| {
            let start = if matches!(style, Style::Rfc850) { name } else { &name[..3] };
            let rest = text.strip_prefix(start)?;
            fits(rest, shape).then_some((number as u64, rest, shape))
        })
    })?;
    let number = |of: char| field(rest, shape, of).parse::<u64>().ok();
    let (hour, minute, second) = (number('h')?, number('m')?, number('s')?);
    let year = match number('y')? {
        year @ 0..70 if shape == RFC_850 => 2000 + year,
        year @ 70..100 if shape == RFC_850 => 1900 + year,
        year => year,
    };
    let month = MONTHS.into_iter().position(|month| month == field(rest, shape, 'b'))?;
    let day = field(rest, shape, 'd').trim_start().parse::<u64>().ok()?;
    let is_day = (1970..10_000).contains(&year) && (1..=days_of_month(year, month)).contains(&day);
    if !is_day || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years = (1970..year).map(days_of_year).sum::<u64>();
    let days = years + (0..month).map(|month| days_of_month(year, month)).sum::<u64>() + day - 1;
    (days % 7 == weekday).then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// After the weekday; a small letter stands for a sign of a field, `*` for any sign: what is
/// between an RFC 850 date and its time is not looked at.
const SHAPES: [(Style, &str); 3] = [
    (Style::Fixed, ", dd bbb yyyy hh:mm:ss GMT"),
    (Style::Rfc850, RFC_850),
    (Style::Asctime, ASCTIME),
];
const RFC_850: &str = ", dd-bbb-yy*hh:mm:ss GMT";
const ASCTIME: &str = " bbb dd hh:mm:ss yyyy";

fn fits(text: &str, shape: &str) -> bool {
    let is_blank = |place: usize| shape == ASCTIME && place == ASCTIME.find('d').unwrap_or(0);
    let fits = |(place, (sign, of)): (usize, (char, char))| match of {
        'b' | '*' => true,
        'd' if sign == ' ' => is_blank(place),
        'a'..='z' => sign.is_ascii_digit(),
        of => of == sign,
    };
    text.len() == shape.len() && text.chars().zip(shape.chars()).enumerate().all(fits)
}

fn field(text: &str, shape: &str, of: char) -> String {
    let signs = text.chars().zip(shape.chars());
    signs.filter(|(_, place)| *place == of).map(|(sign, _)| sign).collect()
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: usize) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    match (year % 400, year % 100, year % 4) {
        (0, ..) => true,
        (_, 0, _) => false,
        (.., rest) => rest == 0,
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The first is that of the first day of 1970.
const WEEKDAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
