//! Figures: they show what they are given, widen where they must, and refuse what cannot be drawn.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::json;
use twoviews::Error;
use twoviews::data::{Image, Shapes10};
use twoviews::notebook::Figure;
use twoviews::plot::{
    BLUE, BarPlot, Bars, GREEN, GREY, ImageGrid, LinePlot, Series, accuracy_figure,
    mean_and_deviation,
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
    assert!(svg.contains("#147CBE") && svg.contains("#009E73"));
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

fn bars() -> BarPlot {
    let groups = ["raw pixels", "untrained", "SimCLR", "DCL"];
    let mut figure = BarPlot::new("Shapes10", "Accuracy on unseen pictures", &groups);
    let heights = [vec![0.314], vec![0.4, 0.5], vec![0.71, 0.73], vec![0.725, 0.725]];
    figure.bars.push(Bars::of_samples("linear probe", BLUE, &heights));
    figure.baselines.push(("guessing".into(), 0.1));
    figure
}

fn grid(images: usize) -> ImageGrid {
    let mut grid = ImageGrid::new(3);
    let shapes = Shapes10 { num_images: 6, ..Default::default() }.generate().unwrap();
    (0..images).for_each(|i| grid.push(shapes.image(i), shapes.class_name(i)));
    grid
}

fn curves() -> LinePlot {
    let mut curves = LinePlot::new("Loss while training", "Step", "Loss");
    let loss = |scale: f64| (1..=10).map(|i| (f64::from(10 * i), scale / f64::from(i))).collect();
    for (label, color, scale) in
        [("SimCLR", BLUE, 4.0), ("DCL", GREEN, 3.0), ("", BLUE, 4.2), ("", GREEN, 3.3)]
    {
        curves.series.push(Series { markers: false, ..Series::new(label, color, loss(scale)) });
    }
    curves
}

#[test]
fn figures_tell_what_they_show() {
    let told = [
        (
            tutorial().alt_text(),
            "Line plot, DCL vs SimCLR comparison on predicting CIFAR10 labels. Accuracy on CIFAR10 \
             against Batch size. simclr: 0.639 at 32, 0.656 at 128, 0.661 at 256. \
             dcl: 0.678 at 32, 0.675 at 128, 0.672 at 256.",
        ),
        (
            curves().alt_text(),
            "Line plot, Loss while training. Loss against Step. SimCLR, 2 lines: from 4 at 10 to \
             0.4 at 100, from 4.2 at 10 to 0.42 at 100. DCL, 2 lines: from 3 at 10 to 0.3 at 100, \
             from 3.3 at 10 to 0.33 at 100.",
        ),
        (
            bars().alt_text(),
            "Bar plot, Shapes10. Accuracy on unseen pictures. linear probe: raw pixels 0.314, \
             untrained 0.45 \u{b1} 0.0707, SimCLR 0.72 \u{b1} 0.0141, DCL 0.725. Dashed: guessing 0.1.",
        ),
        (LinePlot::new("", "", "").alt_text(), "Line plot."),
        (BarPlot::new("", "", &[]).alt_text(), "Bar plot."),
        (ImageGrid::new(2).alt_text(), "Image grid, no image, without captions."),
    ];
    for (told, expected) in told {
        assert_eq!(told, expected);
    }
    let mut views = ImageGrid::new(3);
    for caption in ["disc", "view", "view", "ring", "", " \n"] {
        views.push(Image { height: 1, width: 1, pixels: vec![0; 3] }, caption);
    }
    let expected = "Image grid, 2 rows of 3: disc, 2 \u{d7} view, ring, 2 without captions.";
    assert_eq!(views.alt_text(), expected);
}

#[test]
fn a_figure_is_one_thing_in_all_forms() {
    fn shape(figure: &impl Figure) -> (Vec<String>, serde_json::Value) {
        let bundle = figure.bundle().unwrap();
        let data = bundle.data();
        assert_eq!(data["text/plain"], json!(figure.text()));
        let png = BASE64_STANDARD.decode(data["image/png"].as_str().unwrap()).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        (data.as_object().unwrap().keys().cloned().collect(), bundle.metadata())
    }
    let (line, bars, grid) = (tutorial(), bars(), grid(6));
    let drawing = ["image/png", "image/svg+xml", "text/plain"].map(str::to_owned).to_vec();
    assert_eq!(shape(&line), (drawing.clone(), json!({"alt": line.alt_text()})));
    assert_eq!(shape(&bars), (drawing, json!({"alt": bars.alt_text()})));
    let pixels = ["image/png", "text/plain"].map(str::to_owned).to_vec();
    assert_eq!(shape(&grid), (pixels, json!({"alt": grid.alt_text()})));
    assert!(LinePlot::new("nothing", "x", "y").bundle().is_err());
}

#[test]
fn svgs_are_xml_that_tells_what_it_shows_and_fits_the_column() {
    for text in ["DCL", "", "a\0b\u{1b}", "<&>\"'", "]]>", "\u{fffe}\u{1f600}", "--", "1\n2"] {
        let mut line = curves();
        (line.title, line.x_label, line.y_label) = (text.into(), text.into(), text.into());
        line.series[0].label = text.into();
        line.baselines.push((text.into(), 1.0));
        let mut bars = BarPlot::new(text, text, &[text]);
        bars.bars.push(Bars::of_samples(text, BLUE, &[vec![0.5]]));
        let mut images = grid(2);
        images.push(Image { height: 1, width: 1, pixels: vec![0; 3] }, text);
        for (svg, alt) in [
            (line.to_svg().unwrap(), line.alt_text()),
            (bars.to_svg().unwrap(), bars.alt_text()),
            (images.to_svg().unwrap(), images.alt_text()),
        ] {
            let document =
                roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{text:?}: {e}"));
            let root = document.root_element();
            assert_eq!(root.attribute("role"), Some("img"));
            assert_eq!(root.attribute("aria-label"), Some(alt.as_str()), "{text:?}");
            assert_eq!(root.first_element_child().unwrap().text(), Some(alt.as_str()));
            assert!(root.attribute("style").unwrap().contains("max-width:100%"));
            assert!(root.attribute("viewBox").is_some(), "it keeps its shape when it shrinks");
        }
    }
}

/// Size, and red, green, blue and opacity of each pixel.
fn decoded(figure: &impl Figure) -> (usize, Vec<[u8; 4]>) {
    let data = figure.bundle().unwrap().data();
    let file = BASE64_STANDARD.decode(data["image/png"].as_str().unwrap()).unwrap();
    let mut decoder = png::Decoder::new(file.as_slice());
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size()];
    let width = reader.next_frame(&mut bytes).unwrap().width as usize;
    (width, bytes.chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]]).collect())
}

#[test]
fn a_grid_shows_each_pixel_of_each_image() {
    let shapes = Shapes10 { num_images: 6, ..Default::default() }.generate().unwrap();
    for (columns, side) in [(3, 3), (6, 1), (1, 2)] {
        let mut grid = grid(6);
        (grid.columns, grid.magnification) = (columns, side);
        let (width, pixels) = decoded(&grid);
        let side = side as usize;
        assert_eq!(width, 6 + columns * (32 * side + 6));
        for i in 0..6 {
            let left = 6 + (i % columns) * (32 * side + 6);
            let top = 6 + (i / columns) * (32 * side + 6 + 18);
            let image = shapes.image(i);
            for (x, y) in (0..32 * side).flat_map(|x| (0..32 * side).map(move |y| (x, y))) {
                let at = 3 * (y / side * 32 + x / side);
                let expected = [image.pixels[at], image.pixels[at + 1], image.pixels[at + 2], 255];
                assert_eq!(pixels[(top + y) * width + left + x], expected, "image {i} at {x}, {y}");
            }
        }
        assert_eq!(pixels[0][3], 0, "the ground is transparent");
    }
}

#[test]
fn grids_of_noisy_images_take_little_more_than_their_pixels() {
    let shapes = Shapes10 { num_images: 30, ..Default::default() }.generate().unwrap();
    let mut grid = ImageGrid::new(6);
    (0..30).for_each(|i| grid.push(shapes.image(i), shapes.class_name(i)));
    let data = grid.bundle().unwrap().data();
    let bytes = data["image/png"].as_str().unwrap().len() * 3 / 4;
    assert!(bytes < 30 * 32 * 32 * 3 * 5 / 4, "{bytes} bytes");
}

#[test]
fn a_drawing_has_the_colours_it_is_given_on_a_transparent_ground() {
    let (width, pixels) = decoded(&bars());
    assert_eq!((width, pixels[0][3]), (640, 0));
    assert!(pixels.contains(&[BLUE.0, BLUE.1, BLUE.2, 255]), "bars");
    let svg = bars().to_svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = || document.descendants().filter(|node| node.has_tag_name("text"));
    assert!(texts().count() > 10);
    assert!(texts().all(|text| text.attribute("fill") == Some("#333333")), "{svg}");
    assert!(texts().all(|text| text.attribute("stroke") == Some("#FFFFFF")), "{svg}");
    let grounds = document.descendants().filter(|node| node.attribute("width") == Some("640"));
    assert_eq!(grounds.count(), 1, "the root alone, no ground");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_figure_holds_it_tells_it_on_one_line(
        labels in prop::collection::vec(any::<String>(), 5),
        values in prop::collection::vec(any::<f64>(), 0..80),
        columns in 0_usize..9,
    ) {
        let mut line = LinePlot::new(&labels[0], &labels[1], &labels[2]);
        for values in values.chunks(9) {
            let points = values.iter().zip(values.iter().rev()).map(|(&x, &y)| (x, y)).collect();
            line.series.push(Series::new(&labels[3], BLUE, points));
        }
        line.baselines = values.iter().map(|&value| (labels[4].clone(), value)).collect();
        let mut bars = BarPlot::new(&labels[0], &labels[1], &[&labels[2], ""]);
        bars.bars.push(Bars { label: labels[3].clone(), color: GREY, heights: values.clone(), errors: values.clone() });
        let mut grid = ImageGrid::new(columns);
        for i in 0..values.len() {
            grid.push(Image { height: 1, width: 1, pixels: vec![0; 3] }, &labels[i % 5]);
        }
        grid.columns = columns;
        for (text, kind) in
            [(line.alt_text(), "Line plot"), (bars.alt_text(), "Bar plot"), (grid.alt_text(), "Image grid")]
        {
            prop_assert!(text.starts_with(kind), "{text:?}");
            prop_assert!(!text.contains(char::is_control), "{text:?}");
            prop_assert!(text.chars().count() < 20_000, "{} characters", text.chars().count());
        }
    }
}
