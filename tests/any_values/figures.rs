//! Numbers, sizes and texts of figures.

use twoviews::plot::LinePlot;
use twoviews::plotters::style::RGBColor;
use twoviews::prelude::*;

use crate::{FLOATS, SIZES, Sweep, shapes};

pub(crate) fn figure() -> LinePlot {
    let mut figure = LinePlot::new("any", "x", "y");
    figure.series.push(Series::new("a", BLUE, vec![(0.0, 1.0), (1.0, 2.0)]));
    figure
}

#[test]
fn numbers_of_figures() {
    fn draw(sweep: &mut Sweep, figure: &LinePlot) {
        sweep.call(format!("{:?} {:?}", figure.series, figure.y_range), || figure.to_svg());
    }
    let mut sweep = Sweep::new();
    let values = FLOATS.into_iter().chain([1e300, 1e17, 1e17 + 64.0, 1.0 + 1e-15]);
    for a in values.clone() {
        for b in values.clone() {
            let mut line = figure();
            line.series[0].points = vec![(a, b), (b, a)];
            draw(&mut sweep, &line);
            line.series[0].points = vec![(a, 1.0), (b, 1.0)];
            draw(&mut sweep, &line);
            let mut line = figure();
            line.y_range = Some((a, b));
            draw(&mut sweep, &line);
            let mut line = figure();
            line.series[0].errors = vec![a, b];
            line.baselines = vec![("base".into(), b)];
            draw(&mut sweep, &line);
            let mut bars = BarPlot::new("any", "y", &["one", "two"]);
            bars.bars.push(Bars::of_samples("a", RED, &[vec![a, b], vec![]]));
            sweep.call(format!("bars {a} {b}"), || bars.to_svg());
            bars.bars[0] = Bars { heights: vec![a, b], errors: vec![b, a], ..bars.bars[0].clone() };
            sweep.call(format!("bars {a} {b} with errors"), || bars.to_svg());
            bars.bars[0] = Bars { heights: vec![0.5, 0.6], errors: vec![], ..bars.bars[0].clone() };
            bars.y_range = (a, b);
            bars.baselines = vec![("base".into(), a)];
            sweep.call(format!("bars in {a} {b}"), || bars.to_svg());
        }
        sweep.call(format!("mean_and_deviation {a}"), || mean_and_deviation(&[a, a]));
        sweep.call(format!("accuracy_figure {a}"), || {
            accuracy_figure(&[(usize::MAX, a)], &[], "note").to_svg()
        });
    }
    sweep.call("mean of nothing", || mean_and_deviation(&[]));
    let sides = [0, 1, 19, 20, 21, 33, 60, 100, 640, u32::MAX];
    for (width, height) in sides.into_iter().flat_map(|w| sides.map(|h| (w, h))) {
        let line = LinePlot { size: (width, height), ..figure() };
        let mut bars = BarPlot::new("any", "y", &["one"]);
        bars.bars.push(Bars::of_samples("a", RED, &[vec![0.5]]));
        bars.size = (width, height);
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.svg", "a.png"] {
            let path = folder.path().join(name);
            sweep.call(format!("line {width} x {height}"), || line.save(&path));
            sweep.call(format!("bars {width} x {height}"), || bars.save(&path));
        }
    }
    for columns in SIZES {
        for magnification in [0, 1, 5, u32::MAX] {
            let mut grid = ImageGrid::new(columns);
            grid.push(shapes(1).image(0), "caption");
            (grid.columns, grid.magnification) = (columns, magnification);
            sweep.call(format!("grid {columns} {magnification}"), || grid.to_svg());
        }
    }
    for text in ["", "\0", "<&>\"", "{}", "ä\u{301}\u{1f600}", &"long ".repeat(500)] {
        let mut line = figure();
        (line.title, line.x_label, line.y_label) = (text.into(), text.into(), text.into());
        line.series[0].label = text.into();
        sweep.call(format!("text {text}"), || line.to_svg());
        let mut bars = BarPlot::new(text, text, &[text]);
        bars.bars.push(Bars::of_samples(text, RGBColor(1, 2, 3), &[vec![0.5]]));
        sweep.call(format!("text {text}"), || bars.to_svg());
    }
    sweep.check(2_500);
}
