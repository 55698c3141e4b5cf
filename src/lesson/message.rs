//! A short answer below a cell.

use std::fmt;

use crate::notebook::Bundle;

/// Colours of the bar beside an answer, which are seen on white as on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    NotYet,
    Neutral,
}

impl Tone {
    fn color(self) -> &'static str {
        match self {
            Self::Good => "#2e9e5b",
            Self::NotYet => "#d9822b",
            Self::Neutral => "#8a8a8a",
        }
    }
}

/// What is said, in bold the head alone.
pub(super) struct Message {
    pub tone: Tone,
    pub head: String,
    pub rest: String,
}

impl Message {
    /// Shows it with a bar of the tone's colour, and as plain text for those who see no HTML.
    pub fn show(&self) {
        let html = format!(
            "<div style=\"border-left: 4px solid {}; padding: 2px 12px;\"><b>{}</b>{}{}</div>",
            self.tone.color(),
            html(&self.head),
            self.space(),
            html(&self.rest),
        );
        Bundle::new(&self.to_string()).with("text/html", html).show();
    }

    fn space(&self) -> &'static str {
        if self.rest.is_empty() { "" } else { " " }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.head, self.space(), self.rest)
    }
}

/// Text as HTML, with what stands in backquotes as code.
fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts: Vec<&str> = escaped.split('`').collect();
    let mut html = String::new();
    for (i, part) in parts.iter().enumerate() {
        // A backquote without a partner is one.
        match (i % 2 == 1, i + 1 < parts.len()) {
            (true, true) => html += &format!("<code>{part}</code>"),
            (true, false) => html += &format!("`{part}"),
            (false, _) => html += part,
        }
    }
    html.replace('\n', "<br>")
}

/// A number as one would say it: at most four digits, without zeros at the end.
pub(super) fn short(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        return format!("{}", value + 0.0);
    }
    if !(1e-4..1e6).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.78, "0.78"),
            (2.0 / 3.0, "0.6667"),
            (-1.5, "-1.5"),
            (12_345.6, "12346"),
            (1e-9, "1.00e-9"),
            (0.012_345, "0.01235"),
            (3e12, "3.00e12"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn text_is_escaped_and_code_is_marked() {
        assert_eq!(html("a < b & `f(x)`"), "a &lt; b &amp; <code>f(x)</code>");
        assert_eq!(html("one ` alone\nand more"), "one ` alone<br>and more");
    }
}
