//! Several views of one image.

use super::{AnyTransform, View};
use crate::data::Image;
use crate::rng::RandomStream;
use crate::{Error, Result};

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
