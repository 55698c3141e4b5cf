//! Words for what a figure shows, for readers who do not see it.

/// So many lines, bars or captions are told; then only how many more there are.
const MOST: usize = 30;
/// So many points of a line are told one by one.
const MOST_POINTS: usize = 6;
/// A longer label is cut off.
const LONGEST_LABEL: usize = 120;

/// A number with three significant digits: `0.314`, `12.5`, `1024`, `3.2e-9`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e6 {
        return format!("{}", value + 0.0);
    }
    if !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.2e}");
        // Without zeros at the end of the fraction.
        return match text.split_once('e') {
            Some((digits, power)) => format!("{}e{power}", trimmed(digits)),
            None => text,
        };
    }
    let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A label on one line, of a length that can be listened to.
pub(super) fn label(text: &str) -> String {
    // What XML has no place for goes, too.
    let between =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let text = text.split(between).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST_LABEL) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text,
    }
}

/// Things with commas between them; of very many only the first, and how many more there are.
pub(super) fn listed<T>(things: &[T], each: impl Fn(&T) -> String, more: &str) -> String {
    let mut words: Vec<String> = things.iter().take(MOST).map(each).collect();
    if things.len() > MOST {
        words.push(format!("and {} more {more}", things.len() - MOST));
    }
    words.join(", ")
}

/// What kind of figure it is, its title and, if they are named, its axes, as sentences.
pub(super) fn head(kind: &str, title: &str, axes: &str) -> String {
    let mut text = kind[..1].to_uppercase() + &kind[1..];
    let title = label(title);
    if !title.is_empty() {
        text = format!("{text}, {}", title.trim_end_matches('.'));
    }
    if axes.is_empty() { text + "." } else { format!("{text}. {axes}.") }
}

/// What the axes of a plane are.
pub(super) fn axes(x_label: &str, y_label: &str) -> String {
    let (x, y) = (label(x_label), label(y_label));
    if y.is_empty() || x.is_empty() { y + &x } else { format!("{y} against {x}") }
}

/// The course of a line: all of a few points, else both ends and what lies below and above them.
pub(super) fn course(points: &[(f64, f64)]) -> String {
    let at = |&(x, y): &(f64, f64)| format!("{} at {}", number(y), number(x));
    let [first, .., last] = points else {
        return points.first().map_or_else(|| "no point".to_owned(), at);
    };
    if points.len() <= MOST_POINTS {
        return listed(points, at, "");
    }
    let mut text = format!("from {} to {}", at(first), at(last));
    let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let low = points.iter().min_by(by_height).unwrap_or(first);
    let high = points.iter().max_by(by_height).unwrap_or(first);
    if low.1 < first.1.min(last.1) {
        text += &format!(", lowest {}", at(low));
    }
    if high.1 > first.1.max(last.1) {
        text += &format!(", highest {}", at(high));
    }
    text
}

/// Horizontal dashed lines.
pub(super) fn baselines(baselines: &[(String, f64)]) -> String {
    if baselines.is_empty() {
        return String::new();
    }
    let each = |(name, height): &(String, f64)| format!("{} {}", label(name), number(*height));
    format!(" Dashed: {}.", listed(baselines, each, "lines"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.3144, "0.314"),
            (0.1, "0.1"),
            (0.9996, "1"),
            (12.345, "12.3"),
            (-1234.5, "-1234"),
            (1024.0, "1024"),
            (0.00123, "0.00123"),
            (3.2e-9, "3.2e-9"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn long_lines_are_told_by_their_ends_and_extremes() {
        let points: Vec<(f64, f64)> = [4.0, 5.0, 3.0, 2.0, 1.0, 1.5, 2.5]
            .iter()
            .zip(0..)
            .map(|(&y, x)| (x.into(), y))
            .collect();
        assert_eq!(course(&points), "from 4 at 0 to 2.5 at 6, lowest 1 at 4, highest 5 at 1");
        assert_eq!(course(&points[..2]), "4 at 0, 5 at 1");
        assert_eq!(course(&points[..1]), "4 at 0");
        assert_eq!(course(&[]), "no point");
    }

    #[test]
    fn labels_are_one_short_line() {
        assert_eq!(label(" a\n\tb\0c "), "a b c");
        assert_eq!(label(&"\u{e4}".repeat(500)).chars().count(), LONGEST_LABEL + 1);
        assert_eq!(listed(&[1; 40], |n| n.to_string(), "images").matches('1').count(), 31);
        assert!(listed(&[1; 40], |n| n.to_string(), "images").ends_with(", and 10 more images"));
    }
}
