//! What a transform is, lists of transforms, and several views by one list.

use std::fmt;
use std::sync::Arc;

use super::crop::check_size;
use super::{
    ColorJitter, GaussianBlur, Normalize, RandomGrayscale, RandomHorizontalFlip, RandomResizedCrop,
    ToTensor, View, check_probability,
};
use crate::data::Image;
use crate::rng::RandomStream;
use crate::{Error, Result};

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

/// nidl's `MultiViewsTransform`: one transform several times, or a list with one for each view.
///
/// ```
/// use twoviews::transforms::{MultiViewsTransform, simclr_transform};
/// let two_views = MultiViewsTransform::new(simclr_transform(), 2)?;
/// assert_eq!(two_views.n_views(), 2);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiViewsTransform {
    transforms: Vec<AnyTransform>,
}

impl MultiViewsTransform {
    /// The same transform for each of `n_views` views.
    ///
    /// # Errors
    /// If `n_views` is outside 1 to 256 or a transform's parameter is outside its range.
    pub fn new(transform: impl Into<AnyTransform>, n_views: usize) -> Result<Self> {
        check_n_views(n_views)?;
        Self::from_list(vec![transform.into(); n_views])
    }

    /// One transform for each view.
    ///
    /// # Errors
    /// If the list has not 1 to 256 entries or a transform's parameter is outside its range.
    pub fn from_list(transforms: Vec<AnyTransform>) -> Result<Self> {
        check_n_views(transforms.len())?;
        transforms.iter().try_for_each(AnyTransform::check)?;
        Ok(Self { transforms })
    }

    /// Number of views.
    pub fn n_views(&self) -> usize {
        self.transforms.len()
    }

    /// Turns `view` into view number `number` (from 0) of the image that it shows.
    ///
    /// # Errors
    /// If there is no such view, and those of the transform.
    pub fn apply(&self, number: usize, view: &mut View, random: &mut RandomStream) -> Result<()> {
        let step = self.transforms.get(number).ok_or_else(|| {
            let hint = format!("There are {} views, counted from 0.", self.n_views());
            Error::parameter("view", number, "below n_views", hint)
        })?;
        step.apply(view, random)
    }

    /// All views of `image`: those that a loader with this `seed` makes of image `index` in `epoch`.
    ///
    /// # Errors
    /// Those of the transforms, or if `epoch` or `index` does not fit 32 bits.
    pub fn views(&self, image: &Image, seed: u64, epoch: u64, index: u64) -> Result<Vec<View>> {
        for (name, number) in [("epoch", epoch), ("index", index)] {
            if u32::try_from(number).is_err() {
                return Err(Error::parameter(name, number, "below 2^32", "Both count from 0."));
            }
        }
        (0..self.n_views())
            .map(|number| {
                let mut view = View::from_image(image)?;
                self.apply(
                    number,
                    &mut view,
                    &mut RandomStream::new(seed, epoch, index, number as u64),
                )?;
                Ok(view)
            })
            .collect()
    }
}

fn check_n_views(n_views: usize) -> Result<()> {
    if (1..=256).contains(&n_views) {
        return Ok(());
    }
    Err(Error::parameter("n_views", n_views, "in 1 to 256", "The tutorial uses 2."))
}
