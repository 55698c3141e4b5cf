//! Colours of classes and of numbers.

use plotters::style::RGBColor;

/// Colours of up to ten classes, mid-tones as all lines of figures.
pub const CLASS_COLORS: [RGBColor; 10] = [
    RGBColor(41, 148, 224),
    RGBColor(188, 96, 15),
    RGBColor(41, 163, 51),
    RGBColor(221, 60, 73),
    RGBColor(161, 125, 212),
    RGBColor(25, 133, 143),
    RGBColor(217, 102, 169),
    RGBColor(145, 118, 8),
    RGBColor(182, 130, 104),
    RGBColor(111, 121, 141),
];

/// Steps that the eye does not see keep a picture small.
const STEPS: f64 = 32.0;
const BELOW: [f64; 3] = [178.0, 82.0, 30.0];
const MIDDLE: [f64; 3] = [250.0, 248.0, 244.0];
const ABOVE: [f64; 3] = [28.0, 77.0, 140.0];

/// The colour of a value: from light to blue, and where the range has numbers below 0, from brown for these
/// over light for 0.
pub(super) fn color(value: f64, (low, high): (f64, f64)) -> RGBColor {
    let (end, share) = if low < 0.0 && high > 0.0 {
        (if value < 0.0 { BELOW } else { ABOVE }, value.abs() / high.max(-low))
    } else {
        (ABOVE, (value - low) / (high - low))
    };
    let share = (STEPS * share.clamp(0.0, 1.0)).round() / STEPS;
    let part = |i: usize| (MIDDLE[i] + share * (end[i] - MIDDLE[i])).round() as u8;
    RGBColor(part(0), part(1), part(2))
}
