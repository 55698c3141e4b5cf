//! What a transform is, and lists of transforms.

use std::fmt;
use std::sync::Arc;

use super::resize::check_size;
use super::{
    ColorJitter, GaussianBlur, Normalize, RandomGrayscale, RandomHorizontalFlip, RandomResizedCrop,
    ToTensor, View, check_probability,
};
use crate::Result;
use crate::rng::RandomStream;

/// Changes a view, drawing what it needs from `random` and from nothing else.
///
/// Any `Fn(&mut View, &mut RandomStream) -> Result<()>` is a transform.
///
/// ```
/// use twoviews::data::Image;
/// use twoviews::rng::RandomStream;
/// use twoviews::transforms::{Transform, View};
/// let invert = |view: &mut View, _: &mut RandomStream| {
///     view.pixels_mut()?.iter_mut().for_each(|p| *p = 255 - *p);
///     Ok(())
/// };
/// let mut view = View::from_image(&Image { height: 1, width: 1, pixels: vec![0, 1, 2] })?;
/// invert.apply(&mut view, &mut RandomStream::new(42, 0, 0, 0))?;
/// assert_eq!(view.pixels()?, [255, 254, 253]);
/// # Ok::<(), twoviews::Error>(())
/// ```
pub trait Transform: Send + Sync + 'static {
    /// Changes `view`.
    ///
    /// # Errors
    /// If a parameter is outside its range, or `view` is not of the kind that it needs.
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()>;

    /// Checks the parameters, so that a mistake shows before the first image.
    ///
    /// # Errors
    /// Names the first parameter outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The name in a printed list.
    fn name(&self) -> String {
        "Fn".into()
    }
}

impl<F: Fn(&mut View, &mut RandomStream) -> Result<()> + Send + Sync + 'static> Transform for F {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        self(view, random)
    }
}

/// Any transform, owned and shared; made by `.into()`.
#[derive(Clone)]
pub struct AnyTransform(Arc<dyn Transform>);

impl AnyTransform {
    /// Changes `view`.
    ///
    /// # Errors
    /// Those of the transform.
    pub fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        self.0.apply(view, random)
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// Those of the transform.
    pub fn check(&self) -> Result<()> {
        self.0.check()
    }
}

impl<T: Transform> From<T> for AnyTransform {
    fn from(transform: T) -> Self {
        Self(Arc::new(transform))
    }
}

impl fmt::Debug for AnyTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name())
    }
}

/// One transform after the other.
#[derive(Clone, Debug)]
pub struct Compose {
    /// The transforms, in the order in which they act.
    pub transforms: Vec<AnyTransform>,
}

impl Compose {
    /// The list, each transform checked.
    ///
    /// # Errors
    /// Names the first parameter outside its range.
    pub fn new(transforms: impl Into<Vec<AnyTransform>>) -> Result<Self> {
        let compose = Self { transforms: transforms.into() };
        compose.check()?;
        Ok(compose)
    }
}

impl Transform for Compose {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        self.transforms.iter().try_for_each(|step| step.apply(view, random))
    }

    fn check(&self) -> Result<()> {
        self.transforms.iter().try_for_each(AnyTransform::check)
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// A list of transforms that acts as a whole with probability `p` (default 0.5), or not at all.
#[derive(Clone, Debug)]
pub struct RandomApply {
    /// The transforms, in the order in which they act.
    pub transforms: Vec<AnyTransform>,
    /// Probability, in [0, 1].
    pub p: f64,
}

impl RandomApply {
    /// The list with its probability.
    ///
    /// # Errors
    /// If `p` is outside [0, 1] or a transform's parameter is outside its range.
    pub fn new(transforms: impl Into<Vec<AnyTransform>>, p: f64) -> Result<Self> {
        let apply = Self { transforms: transforms.into(), p };
        apply.check()?;
        Ok(apply)
    }
}

impl Transform for RandomApply {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        check_probability(self.p)?;
        if !random.chance(self.p) {
            return Ok(());
        }
        self.transforms.iter().try_for_each(|step| step.apply(view, random))
    }

    fn check(&self) -> Result<()> {
        check_probability(self.p)?;
        self.transforms.iter().try_for_each(AnyTransform::check)
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// The tutorial's augmentations for images of CIFAR-10's size: crop to 32x32, flip, colour jitter
/// (0.8, 0.8, 0.8, 0.2) with p = 0.8, grayscale with p = 0.2, blur with a kernel of 9, then
/// `ToTensor` and `Normalize((0.5,), (0.5,))`. For images of another size there is
/// [`simclr_transform_of_size`].
///
/// Source: Chen, Kornblith, Norouzi and Hinton, "A simple framework for contrastive learning of
/// visual representations", ICML 2020, appendix A, with the tutorial's strengths.
pub fn simclr_transform() -> Compose {
    augmentations(32, 9)
}

/// [`simclr_transform`] with crops of `size` x `size` pixels, whatever the size of the images.
///
/// The blur's kernel is a tenth of `size`, as in the paper, made odd (23 for 224) and at least the
/// tutorial's 9, or as large as crops below 5 pixels allow.
///
/// ```
/// use twoviews::data::Image;
/// use twoviews::transforms::{MultiViewsTransform, simclr_transform_of_size};
/// let image = Image { height: 80, width: 120, pixels: vec![128; 80 * 120 * 3] };
/// let views = MultiViewsTransform::new(simclr_transform_of_size(96)?, 2)?;
/// assert_eq!(views.views(&image, 42, 0, 0)?[1].values()?.len(), 3 * 96 * 96);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// If `size` is outside 1 to 16,384.
pub fn simclr_transform_of_size(size: usize) -> Result<Compose> {
    check_size((size, size))?;
    // An odd number; its half has to lie below the crop's sides.
    let compose = augmentations(size, ((size / 10) | 1).max(9).min(2 * size - 1));
    compose.check()?;
    Ok(compose)
}

fn augmentations(size: usize, kernel_size: usize) -> Compose {
    let factors = (1.0 - 0.8, 1.0 + 0.8);
    let jitter = ColorJitter {
        brightness: factors,
        contrast: factors,
        saturation: factors,
        hue: (-0.2, 0.2),
    };
    Compose {
        transforms: vec![
            RandomResizedCrop { size: (size, size), ..RandomResizedCrop::default() }.into(),
            RandomHorizontalFlip::default().into(),
            RandomApply { transforms: vec![jitter.into()], p: 0.8 }.into(),
            RandomGrayscale { p: 0.2 }.into(),
            GaussianBlur { kernel_size, ..GaussianBlur::default() }.into(),
            ToTensor.into(),
            Normalize::default().into(),
        ],
    }
}
