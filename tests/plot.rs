//! Figures: they show what they are given, widen where they must, and refuse what cannot be drawn.

use twoviews::Error;
use twoviews::data::Shapes10;
use twoviews::plot::{
    BLUE, BarPlot, Bars, GREY, ImageGrid, LinePlot, Series, accuracy_figure, mean_and_deviation,
};

fn tutorial() -> LinePlot {
    accuracy_figure(
        &[(32, 0.639), (128, 0.656), (256, 0.661)],
        &[(32, 0.6782), (128, 0.6748), (256, 0.6716)],
        "",
    )
}

#[test]
fn the_tutorials_figure_has_its_words_and_colours() {
    let svg = tutorial().to_svg().unwrap();
    for text in ["Batch size", "Accuracy on CIFAR10", "DCL vs SimCLR comparison", "simclr", "dcl"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(svg.contains("#0000FF") && svg.contains("#008000"));
    assert!(svg.contains("\n0.5\n") && svg.contains("\n0.8\n"), "the axis runs from 0.5 to 0.8");
}

#[test]
fn the_axis_widens_and_the_title_tells_of_stand_ins() {
    let figure = accuracy_figure(&[(32, 0.31)], &[(32, 0.44)], "stand-in weights");
    let svg = figure.to_svg().unwrap();
    assert!(svg.contains("(stand-in weights)"));
    assert!(svg.contains("\n0.4\n"), "{svg}");
}

#[test]
fn bars_have_the_mean_and_deviation_of_their_samples() {
    assert_eq!(mean_and_deviation(&[0.7]), (0.7, 0.0));
    let (mean, deviation) = mean_and_deviation(&[0.6, 0.7, 0.8]);
    assert!((mean - 0.7).abs() < 1e-12 && (deviation - 0.1).abs() < 1e-12);
    let mut figure = BarPlot::new("probes", "Accuracy", &["untrained", "DCL"]);
    figure.bars.push(Bars::of_samples("linear", BLUE, &[vec![0.2, 0.3], vec![0.81]]));
    figure.bars.push(Bars::of_samples("kNN", GREY, &[vec![0.1], vec![0.74]]));
    figure.baselines.push(("guessing".into(), 0.1));
    let svg = figure.to_svg().unwrap();
    for text in ["untrained", "DCL", "linear", "kNN", "guessing", "\n0.25\n", "\n0.81\n"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn bars_that_fit_no_group_are_refused() {
    let mut figure = BarPlot::new("t", "y", &["a", "b"]);
    assert!(figure.to_svg().unwrap_err().to_string().contains("no bar"));
    figure.bars.push(Bars::of_samples("linear", BLUE, &[vec![0.2]]));
    let error = figure.to_svg().unwrap_err().to_string();
    assert!(error.contains("linear has 1 heights and 1 error bars for 2 groups"), "{error}");
    figure.bars[0] = Bars::of_samples("linear", BLUE, &[vec![0.2], vec![]]);
    assert!(figure.to_svg().unwrap_err().to_string().contains("linear has the value NaN"));
}

#[test]
fn files_are_written_whole_as_svg_or_png() {
    let folder = tempfile::tempdir().unwrap();
    let mut grid = ImageGrid::new(3);
    let shapes = Shapes10 { num_images: 6, ..Default::default() }.generate().unwrap();
    (0..6).for_each(|i| grid.push(shapes.image(i), shapes.class_name(i)));
    grid.save(folder.path().join("grid.png")).unwrap();
    tutorial().save(folder.path().join("line.png")).unwrap();
    tutorial().save(folder.path().join("line.svg")).unwrap();
    let png = std::fs::read(folder.path().join("line.png")).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["grid.png", "line.png", "line.svg"], "nothing temporary is left");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let empty = LinePlot::new("t", "x", "y");
    assert!(empty.to_svg().unwrap_err().to_string().contains("no point"));
    let mut nan = empty.clone();
    nan.series.push(Series::new("loss", BLUE, vec![(0.0, f64::NAN)]));
    assert!(nan.to_svg().unwrap_err().to_string().contains("loss has the point (0, NaN)"));
    let mut bars = empty;
    bars.series
        .push(Series { errors: vec![0.1], ..Series::new("a", BLUE, vec![(0., 0.), (1., 1.)]) });
    assert!(bars.to_svg().unwrap_err().to_string().contains("2 points and 1 error bars"));
    assert!(matches!(tutorial().save("figure.gif"), Err(Error::Parameter { .. })));
    assert!(matches!(tutorial().save("/no/such/folder/figure.svg"), Err(Error::Io { .. })));
    assert!(matches!(ImageGrid::new(2).to_svg(), Err(Error::Plot { .. })));
}
