//! Colours that are told from a light page and from a dark one: figures have no ground of their own.
//!
//! Lines, bars and markers have mid-tones with a contrast of at least 3:1 to both (WCAG 2, 1.4.11). No
//! colour has the 4.5:1 that text needs to both, so that text is dark and has a light rim or plate, which is
//! not seen on a light page.

use plotters::style::RGBColor;

/// SimCLR's colour: blue, as in the tutorial. Blue, green and red are told apart with any colour vision:
/// they follow Okabe and Ito, <https://jfly.uni-koeln.de/color/>.
pub const BLUE: RGBColor = RGBColor(20, 124, 190);
/// DCL's colour: green, as in the tutorial.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// A colour for a third line.
pub const RED: RGBColor = RGBColor(213, 94, 0);
/// A colour for what is only compared with.
pub const GREY: RGBColor = RGBColor(130, 130, 130);

/// Axes, baselines and error bars.
pub(super) const LINE: RGBColor = RGBColor(118, 118, 118);
/// How much of [`LINE`] is in the lines behind a figure, which may be overlooked.
pub(super) const BEHIND: f64 = 0.3;
/// Text.
pub(super) const INK: RGBColor = RGBColor(51, 51, 51);
/// The rim of text.
pub(super) const RIM: RGBColor = RGBColor(255, 255, 255);
/// How far the rim, or the plate, reaches around the text, in pixels.
pub(super) const RIM_WIDTH: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// What outputs stand on: white in JupyterLab and on the gallery's pages; dark in JupyterLab (cells
    /// and panels), in the gallery (pages and boxes) and in VS Code.
    const LIGHT: RGBColor = RGBColor(255, 255, 255);
    const DARK: [RGBColor; 5] = [
        RGBColor(0x11, 0x11, 0x11),
        RGBColor(0x21, 0x21, 0x21),
        RGBColor(0x14, 0x18, 0x1e),
        RGBColor(0x22, 0x28, 0x32),
        RGBColor(0x1e, 0x1e, 0x1e),
    ];

    /// Relative luminance of WCAG 2.
    fn luminance(color: RGBColor) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.0) + 0.7152 * linear(color.1) + 0.0722 * linear(color.2)
    }

    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn lines_are_seen_on_light_and_dark_pages() {
        assert_eq!(contrast(LIGHT, RGBColor(0, 0, 0)).round(), 21.0);
        for color in [BLUE, GREEN, RED, GREY, LINE] {
            for ground in [LIGHT].into_iter().chain(DARK) {
                let contrast = contrast(color, ground);
                assert!(contrast >= 3.0, "{color:?} on {ground:?}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn text_is_read_on_light_and_dark_pages() {
        assert!(contrast(INK, LIGHT) >= 4.5, "by itself");
        assert!(contrast(INK, RIM) >= 4.5, "within its rim, on whatever page");
        for ground in DARK {
            assert!(contrast(RIM, ground) >= 4.5, "the rim itself");
        }
        assert_eq!(contrast(RIM, LIGHT), 1.0, "it is not seen on a light page");
    }
}
