//! What lessons measure: of embeddings, of features, of predictions; and the classifier.

use tch::Tensor;
use twoviews::losses::anchor_gradients;
use twoviews::prelude::*;
use twoviews::probes::{Ridge, r2_score};

use crate::arrays::{arrays, labels};
use crate::tensors::tensors;
use crate::{FLOATS, SIZES, Sweep, quiet, shapes, small, views_loader};

#[test]
fn measures_of_embeddings() {
    let mut sweep = Sweep::new();
    let loss = DCLLoss::new(0.1).unwrap();
    let good = Tensor::from_slice(&[1f32, 0.5, -0.3, 0.2]).view([2, 2]);
    let tensors = tensors();
    for (name, z) in &tensors {
        for (other, z2) in [("itself", z), ("another", &good), ("the last", &tensors[9].1)] {
            let what = format!("{name} with {other}");
            sweep.call(format!("q of {what}"), || npc_multiplier(z, z2, 0.1));
            sweep.call(format!("alignment of {what}"), || alignment(z, z2, 2.0));
            sweep.call(format!("anchors of {what}"), || loss.per_anchor(z, z2));
            sweep.call(format!("gradients of {what}"), || anchor_gradients(&loss, z, z2));
        }
        sweep.call(format!("uniformity of {name}"), || uniformity(z, 2.0));
    }
    for value in FLOATS {
        sweep.call(format!("q at {value}"), || npc_multiplier(&good, &good, value));
        sweep.call(format!("alignment at {value}"), || alignment(&good, &good, value));
        sweep.call(format!("uniformity at {value}"), || uniformity(&good, value));
    }
    sweep.check(500);
}

#[test]
fn measures_of_features() {
    let mut sweep = Sweep::new();
    let good = &arrays()[6];
    for x in arrays() {
        for y in arrays() {
            let what = format!("{x:?} {y:?}");
            sweep.call(format!("ridge {what}"), || Ridge::default().fit(&x, &y)?.predict(&x));
            sweep.call(format!("r2 {what}"), || r2_score(&x, &y));
            let probe = FactorProbe { n_resamples: 3, ..Default::default() };
            sweep.call(format!("factor {what}"), || probe.score((&x, &y), (&x, &y)));
            sweep
                .call(format!("factor, other rows {what}"), || probe.score((good, good), (&x, &y)));
        }
        for n_components in [0, 1, 2, 3, usize::MAX] {
            let pca = Pca { n_components };
            sweep.call(format!("{pca:?} {x:?}"), || pca.fit(&x)?.transform(&x));
            sweep.call(format!("{pca:?} {x:?}, others"), || pca.fit(good)?.transform(&x));
        }
    }
    for value in FLOATS {
        for n_resamples in [0, 1, usize::MAX] {
            let probe = FactorProbe { alpha: value, n_resamples, seed: u64::MAX };
            sweep.call(format!("{probe:?}"), || probe.score((good, good), (good, good)));
        }
    }
    for labels in labels() {
        for per_class in SIZES {
            sweep.call(format!("{labels:?} {per_class}"), || {
                stratified_subset(&labels, per_class, u64::MAX)
            });
        }
        for other in crate::arrays::labels() {
            for classes in SIZES {
                sweep.call(format!("{labels:?} {other:?} {classes}"), || {
                    confusion_matrix(&labels, &other, classes)
                });
            }
        }
    }
    sweep.check(5_000);
}

#[test]
fn factors_and_classifiers() {
    let mut sweep = Sweep::new();
    for num_images in SIZES {
        for palette in [Palette::Muted, Palette::Vivid] {
            let shapes = Shapes10 { num_images, palette, seed: u64::MAX };
            for index in SIZES {
                sweep.call(format!("{shapes:?} {index}"), || shapes.factors(index));
                for factor in Factor::ALL {
                    sweep.call(format!("{shapes:?} {index} {factor}"), || {
                        FactorProbe::default().targets(&shapes, factor, [index, 6])
                    });
                }
            }
        }
    }
    for class in SIZES {
        let factors = Factors { class, ..Shapes10::default().factors(0).unwrap() };
        for value in FLOATS {
            let factors = Factors { angle: value, hue: value, ..factors };
            for factor in Factor::ALL {
                sweep.call(format!("{factors:?} {factor}"), || factors.values(factor));
            }
            sweep.call(format!("{factors:?}"), || factors.class_name());
        }
    }
    for classes in [0, 1, 2, 10, usize::MAX] {
        for (images, batch_size) in [(1, 1), (4, 2), (5, 4), (12, 5)] {
            sweep.call(format!("{classes} classes, {images} in {batch_size}"), || {
                let mut model = Classifier::new(small(), classes, Device::Cpu)?;
                model.fit(&views_loader(images, batch_size)?, quiet())?;
                model.score(&DataLoader::new(shapes(3), 2, 0)?)
            });
        }
    }
    for rate in FLOATS {
        sweep.call(format!("rate {rate}"), || {
            let config = DCLConfig { learning_rate: rate, ..small() };
            Classifier::new(config, 10, Device::Cpu)?.fit(&views_loader(12, 4)?, quiet())
        });
    }
    sweep.check(1_000);
}
