//! The experiment of lesson 00: a figure of Shapes10 and two views of it.

use twoviews::Result;
use twoviews::data::{Image, Palette, SHAPES10_SIZE, Shapes10};
use twoviews::rng::RandomStream;
use twoviews::transforms::{
    AnyTransform, ColorJitter, Compose, CropParams, GaussianBlur, MultiViewsTransform, RandomApply,
    RandomGrayscale, RandomHorizontalFlip, RandomResizedCrop, RandomRotate90,
};

/// What the reader can choose.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which of the ten figures, from 0.
    pub class: usize,
    /// The seed of the pictures.
    pub picture_seed: u64,
    /// Their colours.
    pub palette: Palette,
    /// The smallest part of the picture's area that a view keeps, above 0 to 1.
    pub smallest_part: f64,
    /// How much brightness, contrast and saturation change; hue a quarter of that.
    pub jitter: f64,
    /// The blur's largest deviation in pixels; 0 leaves the blur out.
    pub blur: f64,
    /// The seed of the views.
    pub views_seed: u64,
}

impl Default for Settings {
    /// Those of the lesson, which shows these very views of its first pictures.
    fn default() -> Self {
        Self {
            class: 0,
            picture_seed: 42,
            palette: Palette::Muted,
            smallest_part: 0.8,
            jitter: 0.4,
            blur: 0.0,
            views_seed: 201,
        }
    }
}

/// A picture, two views of it, and where each was cut out.
pub struct Pictures {
    /// The picture, then the views.
    pub images: [Image; 3],
    /// The parts of the picture that the views show.
    pub crops: [CropParams; 2],
}

impl Pictures {
    /// What a canvas shows: one image after the other, RGBA, (32, 32) each.
    pub fn rgba(&self) -> Vec<u8> {
        rgba(&self.images)
    }
}

/// One image after the other, RGBA, (32, 32) each.
pub fn rgba(images: &[Image]) -> Vec<u8> {
    let pixels = images.iter().flat_map(|image| image.pixels.as_chunks::<3>().0);
    pixels.flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
}

/// The first picture of a figure, 0 to 9, in the data of a seed.
///
/// # Errors
/// Those of the data set.
pub fn figure(class: usize, palette: Palette, seed: u64) -> Result<Image> {
    let class = class % 10;
    // The class of picture i is i modulo 10.
    Ok(Shapes10 { num_images: class + 1, palette, seed }.generate()?.image(class))
}

/// Draws the picture and its two views.
///
/// # Errors
/// If a setting is outside its range.
pub fn draw(settings: &Settings) -> Result<Pictures> {
    let class = settings.class % 10;
    let picture = figure(class, settings.palette, settings.picture_seed)?;
    let crop =
        RandomResizedCrop { scale: (settings.smallest_part, 1.0), ..RandomResizedCrop::default() };
    let strength = settings.jitter;
    let jitter = ColorJitter::new(strength, strength, strength, strength / 4.0)?;
    let mut changes: Vec<AnyTransform> = vec![
        crop.into(),
        RandomHorizontalFlip::new(0.5)?.into(),
        RandomRotate90::new(1.0)?.into(),
        RandomApply::new(vec![jitter.into()], 0.8)?.into(),
        RandomGrayscale::new(0.2)?.into(),
    ];
    if settings.blur > 0.0 {
        let sigma = (settings.blur.min(0.1), settings.blur);
        changes.push(GaussianBlur { sigma, ..GaussianBlur::default() }.into());
    }
    let views = MultiViewsTransform::new(Compose::new(changes)?, 2)?;
    let seed = settings.views_seed;
    let [first, second] = [0, 1].map(|view| {
        // The crop is a view's first draw.
        let mut random = RandomStream::new(seed, 0, class as u64, view);
        crop.draw(SHAPES10_SIZE, SHAPES10_SIZE, &mut random)
    });
    let crops = [first?, second?];
    let views = views.views(&picture, seed, 0, class as u64)?;
    Ok(Pictures { images: [picture, views[0].to_image()?, views[1].to_image()?], crops })
}

#[cfg(test)]
mod tests {
    use super::*;
    use twoviews::transforms::{View, hflip, resized_crop, rot90};

    /// Without changes of colour a view is its part of the picture, or that mirrored, turned by quarters.
    #[test]
    fn views_show_the_parts_that_are_told() {
        let mut coloured = 0;
        for views_seed in 0..20 {
            let drawn = draw(&Settings { jitter: 0.0, views_seed, ..Default::default() }).unwrap();
            for (image, crop) in drawn.images[1..].iter().zip(drawn.crops) {
                let mut part = View::from_image(&drawn.images[0]).unwrap();
                resized_crop(&mut part, crop, (32, 32)).unwrap();
                let mut expected = Vec::new();
                for _ in 0..2 {
                    for _ in 0..4 {
                        rot90(&mut part, 1).unwrap();
                        expected.push(part.to_image().unwrap());
                    }
                    hflip(&mut part).unwrap();
                }
                let grey = image.pixels.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b);
                coloured += u32::from(!grey);
                assert!(grey || expected.contains(image), "seed {views_seed}");
            }
        }
        assert!(coloured > 20, "{coloured}");
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        for (settings, named) in [
            (Settings { smallest_part: 0.0, ..Default::default() }, "scale"),
            (Settings { smallest_part: f64::NAN, ..Default::default() }, "scale"),
            (Settings { jitter: -1.0, ..Default::default() }, "brightness"),
            (Settings { blur: f64::INFINITY, ..Default::default() }, "sigma"),
        ] {
            let message = draw(&settings).err().expect(named).to_string();
            assert!(message.contains(named), "{named}: {message}");
        }
    }
}
