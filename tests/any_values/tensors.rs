//! Tensors of all shapes, kinds, contents and layouts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tch::{Device, Kind, Tensor};
use twoviews::encode::{InferenceEncoder, Precision};
use twoviews::models::initialise;
use twoviews::prelude::*;
use twoviews::weights::{StateDict, load_state_dict, save_state_dict};

use crate::support::wave;
use crate::{FLOATS, KINDS, Sweep, quiet, shapes, small_model, views_loader};

pub(crate) fn floats(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Float, Device::Cpu))
}

/// Tensors of all shapes, kinds, contents and layouts, each with a name.
pub(crate) fn tensors() -> Vec<(String, Tensor)> {
    let shapes: [&[i64]; 22] = [
        &[],
        &[0],
        &[1],
        &[5],
        &[0, 0],
        &[0, 3],
        &[4, 0],
        &[1, 3],
        &[4, 3],
        &[4, 8],
        &[4, 128],
        &[3, 8, 8],
        &[0, 3, 8, 8],
        &[1, 3, 1, 1],
        &[2, 3, 1, 1],
        &[2, 1, 8, 8],
        &[2, 4, 8, 8],
        &[2, 8, 8, 3],
        &[2, 3, 0, 8],
        &[1, 3, 8, 8],
        &[2, 3, 8, 8],
        &[1, 2, 3, 8, 8],
    ];
    let mut all: Vec<(String, Tensor)> =
        shapes.iter().map(|shape| (format!("{shape:?}"), floats(shape))).collect();
    all.push(("undefined".into(), Tensor::new()));
    for base in [[4, 128].as_slice(), &[2, 3, 8, 8]] {
        for kind in KINDS {
            // Some kinds cannot be made from others.
            if let Ok(tensor) = floats(base).f_to_kind(kind) {
                all.push((format!("{base:?} of {kind:?}"), tensor));
            }
        }
        for value in [1.0, 1e-45, 1e30, 3e38, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            all.push((format!("{base:?} full of {value}"), floats(base) + value));
            let mut one = floats(base) + 0.5;
            let _ = one.view(-1).narrow(0, 3, 1).fill_(value);
            one = one.set_requires_grad(true);
            all.push((format!("{base:?} with one {value}"), one));
        }
        all.push((
            format!("{base:?} sparse"),
            (floats(base) + 1.0).to_sparse_sparse_dim(base.len() as i64),
        ));
        all.push((format!("{base:?} packed"), floats(base).to_mkldnn()));
    }
    all.push(("transposed".into(), floats(&[128, 4]).tr()));
    all.push(("channels last".into(), floats(&[2, 8, 8, 3]).permute([0, 3, 1, 2])));
    all.push(("expanded".into(), floats(&[1, 3, 1, 1]).expand([2, 3, 8, 8], false)));
    // Of one number in memory, more than fits when it is copied.
    for (shape, huge) in [
        ([1, 128].as_slice(), [1i64 << 45, 128].as_slice()),
        (&[1, 3, 8, 8], &[1 << 45, 3, 8, 8]),
        (&[1, 3, 1, 8], &[1, 3, 1 << 45, 8]),
    ] {
        all.push((format!("huge {huge:?}"), floats(shape).expand(huge, false)));
    }
    all
}

#[test]
fn tensors_of_models() {
    let mut sweep = Sweep::new();
    let model = small_model();
    let encoder = InferenceEncoder::new(&model.encoder, Precision::Float32).unwrap();
    for (name, x) in &tensors() {
        for train in [false, true] {
            sweep.call(format!("encode {name}"), || model.encode(x, train));
            sweep.call(format!("embed {name}"), || model.embed(x, train));
            sweep.call(format!("forward_t {name}"), || model.encoder.forward_t(x, train));
        }
        sweep.call(format!("ProjectionHead {name}"), || model.projection_head.forward(x));
        sweep.call(format!("InferenceEncoder {name}"), || encoder.forward(x));
    }
    if let Ok(half) = InferenceEncoder::new(&model.encoder, Precision::BFloat16) {
        for (name, x) in &tensors() {
            sweep.call(format!("bfloat16 InferenceEncoder {name}"), || half.forward(x));
        }
    }
    sweep.check(800);
}

#[test]
fn tensors_of_losses() {
    fn forward<L: ContrastiveLoss>(sweep: &mut Sweep, all: &[(String, Tensor)]) {
        let good = Tensor::from_slice(&wave(4 * 128, 1.0)).view([4, 128]).to_kind(Kind::Float);
        for temperature in [0.07, 1e-30, 1e30, f64::MAX] {
            let Ok(loss) = L::new(temperature) else { continue };
            for (name, z) in all {
                let what = format!("{} at {temperature}: {name}", L::METHOD);
                sweep.call(&what, || loss.forward(z, z));
                sweep.call(&what, || loss.forward(&good, z));
                sweep.call(&what, || loss.forward(z, &good));
            }
        }
        for temperature in FLOATS {
            let what = format!("{} at {temperature}", L::METHOD);
            sweep.call(what, || L::new(temperature).and_then(|loss| loss.forward(&good, &good)));
        }
    }
    let mut sweep = Sweep::new();
    let all = tensors();
    forward::<InfoNCE>(&mut sweep, &all);
    forward::<DCLLoss>(&mut sweep, &all);
    forward::<DCLWLoss>(&mut sweep, &all);
    sweep.check(2_000);
}

#[test]
fn tensors_of_weights() {
    let mut sweep = Sweep::new();
    let mut model = small_model();
    let folder = tempfile::tempdir().unwrap();
    for (name, tensor) in &tensors() {
        if name.contains("huge")
            || name == "undefined"
            || name.contains("sparse")
            || name.contains("packed")
        {
            continue;
        }
        let all = StateDict::from([("encoder.fc.bias".to_owned(), tensor.shallow_clone())]);
        let path = folder.path().join("weights.safetensors");
        sweep.call(format!("save_state_dict {name}"), || save_state_dict(&all, &path));
        sweep.call(format!("load_state_dict {name}"), || {
            load_state_dict(model.var_store_mut(), &all, &path)
        });
    }
    // Weights of another kind than images.
    for kind in KINDS {
        let mut model = small_model();
        if catch_unwind(AssertUnwindSafe(|| model.var_store_mut().set_kind(kind))).is_err() {
            continue; // tch refuses in its own way.
        }
        let images = DataLoader::new(shapes(4), 2, 0).unwrap();
        sweep.call(format!("weights of {kind:?}: transform"), || model.transform(&images));
        sweep.call(format!("weights of {kind:?}: encode"), || {
            model.encode(&floats(&[2, 3, 8, 8]), true)
        });
        sweep.call(format!("weights of {kind:?}: fit"), || {
            let loader = views_loader(6, 3).unwrap();
            model.fit(&loader, quiet())
        });
        sweep.call(format!("weights of {kind:?}: initialise"), || {
            initialise(model.var_store_mut(), 1)
        });
    }
    sweep.check(150);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(7), cases: 150, ..Default::default() })]

    /// Tensors of any small shape and kind, as images, embeddings and views.
    #[test]
    fn tensors_of_any_shape(
        shape in prop::collection::vec(prop::sample::select(vec![0i64, 1, 2, 3, 4, 8]), 0..6),
        kind in prop::sample::select(KINDS.to_vec()),
        train in any::<bool>(),
        swapped in any::<bool>(),
    ) {
        let Ok(mut x) = floats(&shape).f_to_kind(kind) else { return Ok(()) };
        if swapped && shape.len() > 1 {
            x = x.transpose(0, 1);
        }
        let model = small_model();
        let images = x.dim() == 4 && x.size()[1] == 3 && x.numel() > 0;
        let h = model.encode(&x, train);
        // What is no batch of images of floating-point numbers is refused by name.
        if !images || !matches!(kind, Kind::Float | Kind::Half | Kind::BFloat16) {
            let error = h.unwrap_err();
            prop_assert!(!matches!(error, Error::Torch(_)), "{error}");
        } else if kind == Kind::Float && !(train && x.size()[0] == 1) {
            prop_assert_eq!(h.unwrap().size(), [x.size()[0], 8]);
        }
        let loss = InfoNCE::new(0.1).unwrap().forward(&x, &x);
        let floating = matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16);
        let rows = x.dim() == 2 && x.size()[0] > 1 && x.size()[1] > 0;
        prop_assert_eq!(loss.is_ok(), floating && rows);
    }
}
