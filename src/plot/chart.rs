//! What figures with axes share: their range, lines behind, baselines, a legend and short numbers at the ticks.

use plotters::chart::MeshStyle;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{FONT, is_drawable_range};
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

/// Text whose point is at one of its sides, or in its middle.
pub(super) fn text_at<'a>(size: impl Into<f64>, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    text(size).pos(Pos::new(horizontal, vertical))
}

/// The smallest and the largest value.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// `range`, or the smallest and the largest value; with room around them if all are one.
pub(super) fn range_of(range: Option<(f64, f64)>, values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = range.unwrap_or_else(|| extent(values));
    let margin = low.abs().max(1.0) / 2.0;
    if is_drawable_range(low, high) { (low, high) } else { (low - margin, low + margin) }
}

/// The look of axes, with short numbers at the ticks, still to be drawn.
pub(super) fn axes<'a, 'b, B: DrawingBackend>(
    chart: &'b mut Chart<'a, B>,
) -> MeshStyle<'a, 'b, RangedCoordf64, RangedCoordf64, B> {
    let mut axes = chart.configure_mesh();
    axes.axis_style(LINE)
        .axis_desc_style(text(15))
        .label_style(text(13))
        .light_line_style(TRANSPARENT)
        .bold_line_style(LINE.mix(BEHIND))
        .x_label_formatter(&|x| tick(*x))
        .y_label_formatter(&|y| tick(*y));
    axes
}

/// Points joined by a line; without a label it is not in the legend.
pub(super) fn draw_line<'a, B: DrawingBackend + 'a>(
    chart: &mut Chart<'a, B>,
    label: &str,
    color: RGBColor,
    points: impl IntoIterator<Item = (f64, f64)>,
) -> DrawResult<B> {
    let line = chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
    if !label.is_empty() {
        line.label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    Ok(())
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

/// Pixels from the upper edge of the axes to the lower one of a legend with so many lines.
pub(super) fn legend_height(lines: usize) -> f64 {
    if lines == 0 { 0.0 } else { 32.0 + 17.0 * lines as f64 }
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
