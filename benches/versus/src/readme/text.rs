//! How figures and notes look in a README.

use crate::figure::nanos;

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) to_recloser: f64,
    pub(crate) to_one_thread: Option<f64>,
}

/// `26.1 (1.04)`, or `140 (0.45; ×5.4)`.
pub(crate) fn nanos_and_ratio(value: f64, ratio: Option<Ratio>) -> String {
    let value = nanos(value);
    match ratio {
        None => value,
        Some(Ratio { to_recloser, to_one_thread: None }) => format!("{value} ({to_recloser:.2})"),
        Some(Ratio { to_recloser, to_one_thread: Some(one) }) => {
            format!("{value} ({to_recloser:.2}; ×{one:.1})")
        }
    }
}

/// As a footnote is marked.
pub(crate) fn superscript(number: usize) -> String {
    let small = |digit: char| match digit {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    };
    number.to_string().chars().map(small).collect()
}

/// `text` in lines that are not long, each ended.
pub(crate) fn wrapped(text: &str) -> String {
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split_whitespace() {
        let wide = word.chars().count();
        if width > 0 && width + 1 + wide > WIDTH {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += wide;
    }
    if width > 0 {
        lines.push('\n');
    }
    lines
}

const WIDTH: usize = 118;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_marked_by_small_numbers() {
        assert_eq!(superscript(2), "²");
        assert_eq!(superscript(10), "¹⁰");
    }

    #[test]
    fn lines_break_between_words() {
        let text = wrapped(&["word"; 30].join(" "));

        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.len() <= WIDTH && !line.ends_with(' ')), "{text}");
        assert_eq!(wrapped(""), "");
    }
}
