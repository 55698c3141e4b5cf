//! What a notebook needs: `use twoviews::prelude::*;`.

pub use crate::data::{
    CIFAR10_CLASSES, Cifar10, Cifar10Config, Factor, Factors, Image, ImageDataset, Palette,
    Shapes10, Subset,
};
pub use crate::encode::Precision;
pub use crate::error::{Error, Result};
pub use crate::estimator::{
    Checkpoints, Classifier, DCL, DCLConfig, Estimator, FitOptions, History, OnlineKnn, SimCLR,
    SimCLRConfig, StepOutputs, Weights,
};
pub use crate::lesson::{Prediction, check};
pub use crate::loaders::{
    DataLoader, MultiViewsLoader, MultiViewsLoaderConfig, ViewsBatch, ViewsLoader,
};
pub use crate::losses::{
    ContrastiveLoss, DCLLoss, DCLWLoss, InfoNCE, alignment, npc_multiplier, uniformity,
};
pub use crate::models::{EncoderKind, best_device, check_latent_size, seed_everything};
pub use crate::notebook::TensorDisplay as _;
pub use crate::optim::{LrScheduler, OptimizerKind};
pub use crate::plot::{
    BLUE, BarPlot, Bars, CLASS_COLORS, GREEN, GREY, HeatMap, Histogram, ImageGrid, LinePlot, Marks,
    Points, RED, Sample, ScatterPlot, Series, accuracy_figure, mean_and_deviation,
};
pub use crate::probes::{
    FactorProbe, KnnProbe, LogisticRegression, Pca, Solver, stratified_subset,
};
pub use crate::rng::{RandomStream, numpy_rng};
pub use crate::stats::{McNemar, PairedT, confusion_matrix, wilson_interval};
pub use crate::transforms::{
    AnyTransform, ColorJitter, Compose, GaussianBlur, MultiViewsTransform, Normalize, RandomApply,
    RandomGrayscale, RandomHorizontalFlip, RandomResizedCrop, RandomRotate90, ToTensor, Transform,
    View, simclr_transform, simclr_transform_of_size,
};
pub use crate::weights::LoadOptions;
// Under their former names, for one version.
#[expect(deprecated, reason = "whoever uses them is told")]
pub use crate::{rng::Draws, transforms::Step};
pub use tch::{Device, Kind, Tensor};
