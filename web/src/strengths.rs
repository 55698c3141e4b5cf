//! The experiment of lesson 03: each augmentation at a strength of its own, and what becomes of a figure.

use twoviews::Result;
use twoviews::data::{Image, Palette, SHAPES10_SIZE};
use twoviews::rng::RandomStream;
use twoviews::transforms::{
    AnyTransform, ColorJitter, Compose, CropParams, GaussianBlur, MultiViewsTransform,
    RandomGrayscale, RandomHorizontalFlip, RandomResizedCrop, RandomRotate90,
};

use crate::pictures;

/// Views of the picture, as many as in a row of the lesson.
pub const VIEWS: usize = 6;

/// What the reader can choose.
#[derive(Clone, Copy, Debug)]
pub struct Strengths {
    /// Which of the ten figures, from 0.
    pub class: usize,
    /// The seed of the pictures.
    pub picture_seed: u64,
    /// Their colours.
    pub palette: Palette,
    /// The smallest part of the picture's area that a view keeps, above 0 to 1; 1 leaves the crop out.
    pub smallest_part: f64,
    /// How often a view is mirrored, 0 to 1.
    pub mirror: f64,
    /// How often it is turned by some quarters, 0 to 1.
    pub turn: f64,
    /// How much brightness and contrast change, 0 to 1.
    pub light: f64,
    /// By how much of a whole turn the hue changes, 0 to .5.
    pub hue: f64,
    /// How often a view is grey, 0 to 1.
    pub grey: f64,
    /// The blur's largest deviation in pixels; 0 leaves the blur out.
    pub blur: f64,
    /// The seed of the views.
    pub views_seed: u64,
}

impl Default for Strengths {
    /// A row of the lesson: crops of at least 60 % of its star.
    fn default() -> Self {
        Self { smallest_part: 0.6, ..Self::NONE }
    }
}

impl Strengths {
    /// The lesson's star without any augmentation.
    const NONE: Self = Self {
        class: 4,
        picture_seed: 42,
        palette: Palette::Muted,
        smallest_part: 1.0,
        mirror: 0.0,
        turn: 0.0,
        light: 0.0,
        hue: 0.0,
        grey: 0.0,
        blur: 0.0,
        views_seed: 301,
    };

    fn crop(&self) -> RandomResizedCrop {
        RandomResizedCrop { scale: (self.smallest_part, 1.0), ..Default::default() }
    }

    /// The augmentations that do something, in the lesson's order: what is left out draws no random numbers.
    fn changes(&self) -> Result<Vec<AnyTransform>> {
        let mut changes: Vec<AnyTransform> = Vec::new();
        if self.smallest_part != 1.0 {
            changes.push(self.crop().into());
        }
        if self.mirror != 0.0 {
            changes.push(RandomHorizontalFlip::new(self.mirror)?.into());
        }
        if self.turn != 0.0 {
            changes.push(RandomRotate90::new(self.turn)?.into());
        }
        if self.light != 0.0 {
            changes.push(ColorJitter::new(self.light, self.light, 0.0, 0.0)?.into());
        }
        if self.hue != 0.0 {
            changes.push(ColorJitter::new(0.0, 0.0, 0.0, self.hue)?.into());
        }
        if self.grey != 0.0 {
            changes.push(RandomGrayscale::new(self.grey)?.into());
        }
        if self.blur != 0.0 {
            let sigma = (self.blur.min(0.1), self.blur);
            changes.push(GaussianBlur { sigma, ..GaussianBlur::default() }.into());
        }
        Ok(changes)
    }
}

/// A picture and views of it.
pub struct Row {
    /// The picture, then its views.
    pub images: Vec<Image>,
    /// The part of the picture that each view shows.
    pub crops: Vec<CropParams>,
}

/// Draws the picture and its views.
///
/// # Errors
/// If a strength is outside its range.
pub fn draw(strengths: &Strengths) -> Result<Row> {
    let Strengths { palette, picture_seed, views_seed: seed, .. } = *strengths;
    let picture = pictures::figure(strengths.class, palette, picture_seed)?;
    let views = MultiViewsTransform::new(Compose::new(strengths.changes()?)?, VIEWS)?;
    let views = views.views(&picture, seed, 0, 0)?;
    let mut images = vec![picture];
    for view in views {
        images.push(view.to_image()?);
    }
    let side = SHAPES10_SIZE;
    let crop = |view: usize| {
        if strengths.smallest_part == 1.0 {
            return Ok(CropParams { top: 0, left: 0, height: side, width: side });
        }
        // The crop is a view's first draw.
        strengths.crop().draw(side, side, &mut RandomStream::new(seed, 0, 0, view as u64))
    };
    let crops = (0..VIEWS).map(crop).collect::<Result<_>>()?;
    Ok(Row { images, crops })
}

impl Row {
    /// What a canvas shows: one image after the other, RGBA, (32, 32) each.
    pub fn rgba(&self) -> Vec<u8> {
        pictures::rgba(&self.images)
    }

    /// What has become of the picture: by which factor a figure's width has grown, the least and the most of the
    /// views; the mean level, 0 to 255, of the picture, then the least and the most of the views; colour, the mean
    /// difference of the largest and the smallest channel, of the picture and of the views; and by how much pixels
    /// differ from the picture, mean of all views.
    pub fn numbers(&self) -> Vec<f64> {
        let (picture, views) = (&self.images[0], &self.images[1..]);
        let side = SHAPES10_SIZE as f64;
        let growth = self.crops.iter().map(|crop| side / crop.width as f64);
        let levels = views.iter().map(level);
        let colours: Vec<f64> = views.iter().map(colour).collect();
        let changes: Vec<f64> = views.iter().map(|view| difference(picture, view)).collect();
        let ([small, large], [dark, light]) = (ends(growth), ends(levels));
        vec![
            small,
            large,
            level(picture),
            dark,
            light,
            colour(picture),
            mean(&colours),
            mean(&changes),
        ]
    }
}

/// The mean of all pixels and channels.
fn level(image: &Image) -> f64 {
    mean(&image.pixels.iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
}

fn colour(image: &Image) -> f64 {
    let range = |pixel: &[u8; 3]| {
        let (least, most) = (pixel.iter().min(), pixel.iter().max());
        f64::from(most.unwrap_or(&0) - least.unwrap_or(&0))
    };
    mean(&image.pixels.as_chunks::<3>().0.iter().map(range).collect::<Vec<_>>())
}

fn difference(a: &Image, b: &Image) -> f64 {
    let pairs = a.pixels.iter().zip(&b.pixels);
    mean(&pairs.map(|(&a, &b)| f64::from(a.abs_diff(b))).collect::<Vec<_>>())
}

fn ends(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use twoviews::data::Shapes10;

    const NONE: Strengths = Strengths { palette: Palette::Vivid, ..Strengths::NONE };

    /// Each augmentation alone gives the views that the lesson's cells draw.
    #[test]
    fn alone_an_augmentation_draws_the_lessons_row() {
        let crop = RandomResizedCrop { scale: (0.6, 1.0), ..Default::default() };
        let jitter = |light, hue| ColorJitter::new(light, light, 0.0, hue).unwrap();
        let cases: [(Strengths, AnyTransform); 6] = [
            (Strengths { smallest_part: 0.6, ..NONE }, crop.into()),
            (Strengths { mirror: 0.5, ..NONE }, RandomHorizontalFlip::new(0.5).unwrap().into()),
            (Strengths { turn: 1.0, ..NONE }, RandomRotate90::default().into()),
            (Strengths { light: 0.4, ..NONE }, jitter(0.4, 0.0).into()),
            (Strengths { hue: 0.5, ..NONE }, jitter(0.0, 0.5).into()),
            (Strengths { grey: 0.5, ..NONE }, RandomGrayscale::new(0.5).unwrap().into()),
        ];
        let palette = Palette::Vivid;
        let data = Shapes10 { num_images: 10, palette, ..Default::default() }.generate().unwrap();
        for (strengths, change) in cases {
            let six = MultiViewsTransform::new(change, VIEWS).unwrap();
            let views = six.views(&data.image(4), 301, 0, 0).unwrap();
            let expected: Vec<Image> = views.iter().map(|it| it.to_image().unwrap()).collect();
            let found = draw(&strengths).unwrap();
            assert_eq!(found.images[0], data.image(4));
            assert_eq!(found.images[1..], expected, "{strengths:?}");
        }
    }

    #[test]
    fn without_any_augmentation_a_view_is_the_picture() {
        let row = draw(&NONE).unwrap();
        assert!(row.images.iter().all(|image| *image == row.images[0]));
        let found = row.numbers();
        assert_eq!((found[0], found[1], found[7]), (1.0, 1.0, 0.0));
        assert!(found[2] == found[3] && found[2] == found[4] && found[5] == found[6], "{found:?}");
    }

    #[test]
    fn each_strength_moves_its_number() {
        let of = |strengths| draw(&strengths).unwrap().numbers();
        let [weak, strong] =
            [0.8, 0.1].map(|smallest_part| of(Strengths { smallest_part, ..NONE }));
        assert!(weak[1] > 1.0 && weak[1] < 1.5 && strong[1] > 1.5, "{weak:?} {strong:?}");
        let [weak, strong] = [0.1, 0.8].map(|light| of(Strengths { light, ..NONE }));
        assert!(strong[4] - strong[3] > 2.0 * (weak[4] - weak[3]), "{weak:?} {strong:?}");
        let grey = of(Strengths { grey: 1.0, ..NONE });
        assert!(grey[5] > 10.0 && grey[6] == 0.0, "{grey:?}");
        for change in [
            Strengths { mirror: 1.0, ..NONE },
            Strengths { turn: 1.0, ..NONE },
            Strengths { hue: 0.5, ..NONE },
            Strengths { blur: 1.0, ..NONE },
        ] {
            assert!(of(change)[7] > 0.5, "{change:?}");
        }
    }

    #[test]
    fn strengths_outside_their_ranges_are_named() {
        for (strengths, named) in [
            (Strengths { smallest_part: 0.0, ..NONE }, "scale"),
            (Strengths { smallest_part: f64::NAN, ..NONE }, "scale"),
            (Strengths { mirror: 1.5, ..NONE }, "p = 1.5"),
            (Strengths { turn: -1.0, ..NONE }, "p = -1"),
            (Strengths { light: -1.0, ..NONE }, "brightness"),
            (Strengths { hue: 0.6, ..NONE }, "hue"),
            (Strengths { grey: f64::NAN, ..NONE }, "p = NaN"),
            (Strengths { blur: f64::INFINITY, ..NONE }, "sigma"),
        ] {
            let message = draw(&strengths).err().expect(named).to_string();
            assert!(message.contains(named), "{named}: {message}");
        }
    }
}
