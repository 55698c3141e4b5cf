//! Heat maps, histograms and scatter plots: they show what they are given and refuse what cannot be drawn.

use std::path::Path;

use proptest::prelude::*;
use twoviews::data::{Image, Shapes10};
use twoviews::ndarray::{Array2, arr2};
use twoviews::notebook::Figure;
use twoviews::plot::{
    BLUE, CLASS_COLORS, GREEN, HeatMap, Histogram, Marks, Points, RED, Sample, ScatterPlot,
};

/// Like the cosines of a batch of N images in two views.
fn similarity(n: usize) -> HeatMap {
    let cosine = |(i, j): (usize, usize)| match (i == j, i % n == j % n) {
        (true, _) => 1.0,
        (false, true) => 0.8,
        _ => (i * j * 7_919 % 1_009) as f64 / 1_009.0 - 0.5,
    };
    let mut figure = HeatMap::new(
        "Cosines of z, Shapes10 (synthetic), seed 1",
        Array2::from_shape_fn((2 * n, 2 * n), cosine),
    );
    (figure.x_label, figure.y_label) = ("view".into(), "view".into());
    let positives = (0..2 * n).map(|i| (i, (i + n) % (2 * n))).collect();
    figure.marks.push(Marks { label: "positive pairs".into(), color: RED, cells: positives });
    figure
}

fn confusion() -> HeatMap {
    let classes = ["disc", "ring", "checkerboard"];
    let (truth, said) = ([0i64, 0, 0, 0, 1, 1, 2], [0i64, 0, 0, 1, 1, 2, 2]);
    HeatMap::confusion("Confusion, Shapes10, seed 1", &truth, &said, &classes).unwrap()
}

fn histogram() -> Histogram {
    let mut figure = Histogram::new("q, Shapes10 (synthetic), seed 1", "q");
    let values = |power: i32| (0..1000).map(|i| (f64::from(i) / 999.0).powi(power)).collect();
    figure.samples.push(Sample::new("batch 32", BLUE, values(3)));
    figure.samples.push(Sample::new("batch 256", GREEN, values(1)));
    figure.range = Some((0.0, 1.0));
    figure
}

fn scatter() -> ScatterPlot {
    let shapes = Shapes10 { num_images: 10, ..Default::default() }.generate().unwrap();
    let mut figure = ScatterPlot::new("h in two dimensions, Shapes10 (synthetic), seed 1");
    for (class, &color) in CLASS_COLORS.iter().enumerate() {
        let (x, y) = (f64::from(class as u8).cos(), f64::from(class as u8).sin());
        let near = |i: u8| (x + 0.02 * f64::from(i % 7), y + 0.03 * f64::from(i % 5));
        let points: Vec<(f64, f64)> = (0..20).map(near).collect();
        figure.thumbnails.push((points[0], shapes.image(class)));
        let label = shapes.class_name(class).to_owned();
        figure.classes.push(Points { label, color, points });
    }
    figure
}

/// Where one can look at them.
fn keep(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_large_matrix_is_one_small_picture() {
    let figure = similarity(128);
    let svg = figure.to_svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let images: Vec<_> = document.descendants().filter(|it| it.has_tag_name("image")).collect();
    assert_eq!(images.len(), 2, "the matrix and its scale");
    assert_eq!(
        (images[0].attribute("width"), images[0].attribute("height")),
        (Some("256"), Some("256"))
    );
    // The outlines of the 256 positive pairs, and a few more.
    assert!(document.descendants().filter(|it| it.has_tag_name("rect")).count() < 270);
    figure.save(keep("similarity_128.svg")).unwrap();
    figure.save(keep("similarity_128.png")).unwrap();
    // These numbers look like noise; 65,536 rectangles would take 5 MB.
    assert!(svg.len() < 130_000, "{} bytes", svg.len());
    let bundle = figure.bundle().unwrap().data().to_string();
    assert!(bundle.len() < 350_000, "{} bytes", bundle.len());
    similarity(16).save(keep("similarity_16.png")).unwrap();
    similarity(16).save(keep("similarity_16.svg")).unwrap();
}

#[test]
fn a_confusion_has_shares_of_its_rows_names_and_words() {
    let figure = confusion();
    assert_eq!(figure.values, arr2(&[[0.75, 0.25, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]));
    let svg = figure.to_svg().unwrap();
    for text in ["checkerboard", "taken for", "\n0.75\n", "Confusion, Shapes10, seed 1"] {
        assert!(svg.contains(text), "{text}");
    }
    assert_eq!(
        figure.alt_text(),
        "Heat map, Confusion, Shapes10, seed 1. Rows: class; columns: taken for. 3 rows, 3 columns; \
         colours from 0 to 1. On the diagonal: disc 0.75, else mostly ring 0.25, ring 0.5, else mostly \
         checkerboard 0.5, checkerboard 1, else mostly ring 0."
    );
    figure.save(keep("confusion.png")).unwrap();
    let of = |truth: &[i64], said: &[i64]| HeatMap::confusion("t", truth, said, &["a", "b"]);
    assert!(of(&[0, 1], &[0]).unwrap_err().to_string().contains("as many labels"));
    for label in [-1, 2, i64::MIN, i64::MAX] {
        assert!(of(&[0], &[label]).unwrap_err().to_string().contains("labels are 0 to 1"));
    }
}

#[test]
fn marked_cells_are_told_with_their_mean() {
    let told = similarity(4).alt_text();
    assert!(told.ends_with("Marked as positive pairs: 8 cells, mean 0.8."), "{told}");
}

/// A number among the attributes of an SVG's element.
fn attribute(element: &str, name: &str) -> f64 {
    let (_, text) = element.split_once(&format!("{name}=\"")).unwrap();
    text.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn a_histograms_bars_stay_below_its_legend() {
    for (samples, height) in [(1, 360), (2, 360), (4, 360), (6, 400), (4, 260)] {
        let size = (640, height);
        let mut figure = Histogram { size, range: Some((0.0, 1.0)), ..Histogram::new("t", "q") };
        for i in 0..samples {
            figure.samples.push(Sample::new(&format!("N = {i}"), BLUE, vec![0.999; 9]));
        }
        let svg = figure.to_svg().unwrap();
        let legend = svg.rsplit("<rect ").next().unwrap();
        let bottom = attribute(legend, "y") + attribute(legend, "height");
        let (_, bars) = svg.split_once("<polygon").unwrap();
        let (_, points) = bars.split_once("points=\"").unwrap();
        let points = points.split('"').next().unwrap().split_whitespace();
        let heights = points.map(|point| point.split(',').nth(1).unwrap().parse::<f64>().unwrap());
        let top = heights.fold(f64::INFINITY, f64::min);
        assert!(top > bottom, "{samples} samples: bars from {top}, the legend to {bottom}");
    }
}

#[test]
fn a_histogram_tells_and_shows_shares() {
    let figure = histogram();
    let told = figure.alt_text();
    assert!(
        told.contains("batch 256: 1000 values, median 0.501, half of them from 0.25 to 0.75"),
        "{told}"
    );
    let svg = figure.to_svg().unwrap();
    assert!(svg.contains("batch 32") && svg.contains("Share"));
    figure.save(keep("histogram.png")).unwrap();
    figure.save(keep("histogram.svg")).unwrap();
    // All the same, and one outside of the range.
    let mut same = Histogram::new("t", "x");
    same.samples.push(Sample::new("a", BLUE, vec![3.0; 5]));
    same.to_svg().unwrap();
    same.range = Some((0.0, 1.0));
    same.to_svg().unwrap();
}

#[test]
fn a_scatter_plot_has_thumbnails_as_pictures() {
    let figure = scatter();
    let svg = figure.to_svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(document.descendants().filter(|it| it.has_tag_name("image")).count(), 10);
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
    assert!(figure.alt_text().contains("10 of the images are shown"));
    figure.save(keep("scatter.png")).unwrap();
    figure.save(keep("scatter.svg")).unwrap();
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let said = |result: twoviews::Result<String>, words: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    said(HeatMap::new("t", Array2::zeros((0, 3))).to_svg(), "0 x 3 values");
    said(HeatMap::new("t", Array2::zeros((1, 5000))).to_svg(), "1 x 5000 values");
    said(HeatMap::new("t", arr2(&[[0.0, f64::NAN]])).to_svg(), "row 0, column 1 is NaN");
    let map = HeatMap::new("t", arr2(&[[0.0, 1.0]]));
    said(HeatMap { range: Some((1.0, 0.0)), ..map.clone() }.to_svg(), "(1, 0)");
    said(HeatMap { row_names: vec!["a".into(); 2], ..map.clone() }.to_svg(), "1 rows have 2 names");
    let marks = vec![Marks { label: "m".into(), color: RED, cells: vec![(1, 0)] }];
    said(HeatMap { marks, ..map }.to_svg(), "m marks row 1, column 0");
    said(Histogram::new("t", "x").to_svg(), "no number");
    said(Histogram { bins: 0, ..histogram() }.to_svg(), "0 bins");
    said(Histogram { range: Some((1.0, 1.0)), ..histogram() }.to_svg(), "(1, 1)");
    let mut nan = histogram();
    nan.samples[0].values.push(f64::INFINITY);
    said(nan.to_svg(), "batch 32 has the number inf");
    said(ScatterPlot::new("t").to_svg(), "no point");
    let mut wrong = scatter();
    wrong.classes[0].points.push((0.0, f64::NAN));
    said(wrong.to_svg(), "(0, NaN)");
    let mut wrong = scatter();
    let image = Image { height: 2, width: 2, pixels: vec![0; 3] };
    wrong.thumbnails.push(((0.0, 0.0), image));
    said(wrong.to_svg(), "thumbnail 10");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn no_values_make_a_figure_panic(
        values in prop::collection::vec(any::<f64>(), 1..9), low in any::<f64>(), high in any::<f64>(),
        width in 0u32..200, height in 0u32..200, bins in 0usize..20, text in "\\PC{0,12}",
    ) {
        let matrix = Array2::from_shape_vec((1, values.len()), values.clone()).unwrap();
        for range in [None, Some((low, high))] {
            let map = HeatMap { range, ..HeatMap::new(&text, matrix.clone()) };
            let _ = (map.to_svg(), map.bundle(), map.alt_text());
            let mut histogram = Histogram { bins, range, size: (width, height), ..Histogram::new(&text, &text) };
            histogram.samples.push(Sample::new(&text, BLUE, values.clone()));
            let _ = (histogram.to_svg(), histogram.bundle(), histogram.alt_text());
        }
        let mut scatter = ScatterPlot { size: (width, height), ..ScatterPlot::new(&text) };
        let points: Vec<(f64, f64)> = values.iter().map(|&value| (value, low)).collect();
        scatter.thumbnails.push((points[0], Image { height: 1, width: 1, pixels: vec![7; 3] }));
        scatter.classes.push(Points { label: text, color: RED, points });
        let _ = (scatter.to_svg(), scatter.bundle(), scatter.alt_text());
    }
}
