//! What every figure with axes has: baselines, a legend and short numbers at the ticks.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::canvas::FONT;
use super::palette::{BEHIND, INK, LINE};

/// A chart whose axes are both plain numbers.
pub(super) type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Whether it worked, or what the backend says.
pub(super) type DrawResult<B> =
    std::result::Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Text of a height in pixels.
pub(super) fn text<'a>(size: impl Into<f64>) -> TextStyle<'a> {
    (FONT, size.into()).into_font().color(&INK)
}

/// Horizontal dashed lines over the whole width, their labels beginning at `label_x`.
pub(super) fn draw_baselines<B: DrawingBackend>(
    chart: &mut Chart<'_, B>,
    baselines: &[(String, f64)],
    label_x: f64,
) -> DrawResult<B> {
    let (x, y) = (chart.x_range(), chart.y_range());
    for (label, height) in baselines {
        let line = [(x.start, *height), (x.end, *height)];
        let style = LINE.stroke_width(1);
        chart.draw_series(DashedLineSeries::new(line, 5, 4, style))?;
        let above = height + 0.045 * (y.end - y.start);
        chart.draw_series([Text::new(label.clone(), (label_x, above), text(12))])?;
    }
    Ok(())
}

/// The names of what was drawn.
pub(super) fn draw_legend<'a, B: DrawingBackend + 'a>(
    chart: &mut Chart<'a, B>,
    position: SeriesLabelPosition,
) -> DrawResult<B> {
    chart
        .configure_series_labels()
        .position(position)
        .border_style(LINE.mix(BEHIND))
        .label_font(text(14))
        .draw()
}

/// Size of a title's type: smaller for a long one, so that it stays inside a figure of this width.
pub(super) fn title_size(title: &str, width: u32) -> f64 {
    (1.7 * f64::from(width) / title.chars().count().max(1) as f64).clamp(11.0, 18.0)
}

/// A number as short as it can be said.
pub(super) fn tick(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}
