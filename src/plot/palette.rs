//! Colours of classes and of numbers.

use plotters::style::RGBColor;

/// Colours of up to ten classes, which are told apart on white and on black (Tableau 10).
pub const CLASS_COLORS: [RGBColor; 10] = [
    RGBColor(0x4e, 0x79, 0xa7),
    RGBColor(0xf2, 0x8e, 0x2b),
    RGBColor(0xe1, 0x57, 0x59),
    RGBColor(0x76, 0xb7, 0xb2),
    RGBColor(0x59, 0xa1, 0x4f),
    RGBColor(0xed, 0xc9, 0x48),
    RGBColor(0xb0, 0x7a, 0xa1),
    RGBColor(0xff, 0x9d, 0xa7),
    RGBColor(0x9c, 0x75, 0x5f),
    RGBColor(0x8a, 0x86, 0x84),
];

const STEPS: f64 = 32.0;
const BELOW: [f64; 3] = [178.0, 82.0, 30.0];
const MIDDLE: [f64; 3] = [250.0, 248.0, 244.0];
const ABOVE: [f64; 3] = [28.0, 77.0, 140.0];

/// The colour of a value: from light to blue, and where the range has numbers below 0, from brown for these
/// over light for 0.
pub(super) fn color(value: f64, (low, high): (f64, f64)) -> RGBColor {
    let (middle, end, share) = if low < 0.0 && high > 0.0 {
        let most = high.max(-low);
        (MIDDLE, if value < 0.0 { BELOW } else { ABOVE }, value.abs() / most)
    } else {
        (MIDDLE, ABOVE, (value - low) / (high - low))
    };
    // Steps that the eye does not see keep the picture small.
    let share = (STEPS * share.clamp(0.0, 1.0)).round() / STEPS;
    let part = |i: usize| (middle[i] + share * (end[i] - middle[i])).round() as u8;
    RGBColor(part(0), part(1), part(2))
}

/// Whether writing on a colour should be white.
pub(super) fn is_dark(RGBColor(r, g, b): RGBColor) -> bool {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b) < 140.0
}
