//! Parameters of the transforms, and views that they are applied to.

use twoviews::prelude::*;
use twoviews::transforms::{
    CropParams, JitterParams, JitterStep, adjust_brightness, adjust_contrast, adjust_hue,
    adjust_saturation, gaussian_blur, hflip, resized_crop, to_grayscale,
};

use crate::{FLOATS, SIZES, Sweep};

/// A change of a view by a number.
type Adjust = fn(&mut View, f64) -> Result<()>;

#[test]
fn parameters_of_transforms() {
    let mut sweep = Sweep::new();
    let image = |height: usize, width: usize| {
        let pixels = (0..height * width * 3).map(|i| (i * 37 % 256) as u8).collect();
        View::from_image(&Image { height, width, pixels }).unwrap()
    };
    let draws = || RandomStream::new(1, 2, 3, 4);
    let mut views: Vec<View> =
        [(1, 1), (1, 7), (9, 1), (8, 5)].into_iter().map(|(h, w)| image(h, w)).collect();
    views.push(View::default());
    let mut tensor = image(3, 3);
    ToTensor.apply(&mut tensor, &mut draws()).unwrap();
    views.push(tensor);
    let mut steps: Vec<AnyTransform> = vec![
        ToTensor.into(),
        Normalize { mean: vec![], std: vec![] }.into(),
        Normalize { mean: vec![0.5; 2], std: vec![0.5; 4] }.into(),
        Compose { transforms: vec![] }.into(),
    ];
    for a in FLOATS {
        steps.push(Normalize { mean: vec![a as f32], std: vec![0.5] }.into());
        steps.push(Normalize { mean: vec![0.5], std: vec![a as f32; 3] }.into());
        steps.push(RandomGrayscale { p: a }.into());
        steps.push(RandomHorizontalFlip { p: a }.into());
        steps.push(RandomRotate90 { p: a }.into());
        steps.push(RandomApply { transforms: vec![ToTensor.into()], p: a }.into());
        for b in FLOATS {
            let base = ColorJitter::default();
            steps.push(ColorJitter { brightness: (a, b), ..base }.into());
            steps.push(ColorJitter { contrast: (a, b), ..base }.into());
            steps.push(ColorJitter { saturation: (a, b), ..base }.into());
            steps.push(ColorJitter { hue: (a, b), ..base }.into());
            steps.push(GaussianBlur { kernel_size: 3, sigma: (a, b) }.into());
            let base = RandomResizedCrop { size: (4, 4), ..Default::default() };
            steps.push(RandomResizedCrop { scale: (a, b), ..base }.into());
            steps.push(RandomResizedCrop { ratio: (a, b), ..base }.into());
            sweep.call(format!("ColorJitter {a} {b}"), || ColorJitter::new(a, b, a, b));
        }
    }
    for size in SIZES {
        steps.push(GaussianBlur { kernel_size: size, ..Default::default() }.into());
        // Large images that are allowed take their time.
        if size != 1 << 16 {
            steps.push(RandomResizedCrop { size: (size, 3), ..Default::default() }.into());
            steps.push(RandomResizedCrop { size: (3, size), ..Default::default() }.into());
        }
        sweep.call(format!("simclr {size}"), || simclr_transform_of_size(size));
        sweep.call(format!("blur {size}"), || GaussianBlur::new(size));
        sweep.call(format!("crop {size}"), || RandomResizedCrop::new(size));
        for other in SIZES {
            for crop in [
                RandomResizedCrop::default(),
                RandomResizedCrop { ratio: (1e-300, 1e300), ..Default::default() },
            ] {
                sweep.call(format!("{crop:?} of {size} {other}"), || {
                    crop.draw(size, other, &mut draws())
                });
            }
        }
    }
    for step in &steps {
        sweep.call(format!("check {step:?}"), || step.check());
        for view in &views {
            sweep.call(format!("{step:?} of {view:?}"), || {
                step.apply(&mut view.clone(), &mut draws())
            });
        }
    }
    for view in &views {
        for value in FLOATS {
            let functions: [(&str, Adjust); 4] = [
                ("brightness", adjust_brightness),
                ("contrast", adjust_contrast),
                ("saturation", adjust_saturation),
                ("hue", adjust_hue),
            ];
            for (name, function) in functions {
                sweep.call(format!("{name} {value} of {view:?}"), || {
                    function(&mut view.clone(), value)
                });
            }
            for kernel_size in SIZES {
                sweep.call(format!("blur {kernel_size} {value} of {view:?}"), || {
                    gaussian_blur(&mut view.clone(), kernel_size, value)
                });
            }
            let factor = Some(value);
            let params = JitterParams {
                order: [JitterStep::Hue; 4],
                brightness: factor,
                contrast: factor,
                saturation: factor,
                hue: factor,
            };
            sweep.call(format!("{params:?}"), || params.apply(&mut view.clone()));
        }
        for (a, b) in SIZES.into_iter().flat_map(|a| SIZES.map(|b| (a, b))) {
            for crop in [
                CropParams { top: a, left: b, height: 1, width: 1 },
                CropParams { top: 0, left: 0, height: a, width: b },
            ] {
                sweep.call(format!("{crop:?} of {view:?}"), || {
                    resized_crop(&mut view.clone(), crop, (4, 4))
                });
            }
            if a != 1 << 16 && b != 1 << 16 {
                let crop = CropParams { top: 0, left: 0, height: 1, width: 1 };
                sweep.call(format!("to {a} {b} of {view:?}"), || {
                    resized_crop(&mut view.clone(), crop, (a, b))
                });
            }
        }
        sweep.call(format!("hflip {view:?}"), || hflip(&mut view.clone()));
        sweep.call(format!("grayscale {view:?}"), || to_grayscale(&mut view.clone()));
        sweep.call(format!("to_image {view:?}"), || view.to_image());
        sweep.call(format!("pixels {view:?}"), || view.pixels().map(<[u8]>::len));
        sweep.call(format!("values {view:?}"), || view.values().map(<[f32]>::len));
    }
    let two = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
    for number in SIZES {
        sweep.call(format!("view {number}"), || two.apply(number, &mut image(8, 8), &mut draws()));
        let image = image(32, 32).to_image().unwrap();
        sweep
            .call(format!("views {number}"), || two.views(&image, 1, number as u64, number as u64));
    }
    sweep.check(10_000);
}
