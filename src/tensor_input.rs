//! What public functions ask of a tensor that somebody hands in, before libtorch sees it.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The kind of a dense tensor of floating-point numbers.
///
/// # Errors
/// If the tensor is undefined, sparse, or holds other numbers.
pub(crate) fn float_kind(name: &'static str, tensor: &Tensor) -> Result<Kind> {
    const ALLOWED: &str = "a dense tensor of Float, Double, Half or BFloat16";
    let problem = |value: String, hint: &str| Err(Error::parameter(name, value, ALLOWED, hint));
    if !tensor.defined() {
        return problem("an undefined tensor".into(), "Tensor::new() has no content.");
    }
    let kind = match tensor.f_kind() {
        Ok(kind) => kind,
        Err(error) => return problem(error.to_string(), "Convert it with to_kind(Kind::Float)."),
    };
    if !matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16) {
        let hint = "Convert it with to_kind(Kind::Float); bytes of images are divided by 255, too.";
        return problem(format!("a tensor of {kind:?}"), hint);
    }
    // Other sparse formats do not call themselves sparse: libtorch's operations refuse them.
    if tensor.is_sparse() || tensor.is_mkldnn() {
        return problem("a sparse or packed tensor".into(), "Convert it with to_dense().");
    }
    Ok(kind)
}

/// Refuses images that an encoder with weights like `weight` cannot take.
///
/// # Errors
/// If `x` is not (B, 3, H, W) with at least one image and one pixel, not of the weights' kind (or
/// half as wide, for convolutions of less precision), or on another device.
pub(crate) fn check_images(x: &Tensor, weight: &Tensor) -> Result<()> {
    let kind = float_kind("x", x)?;
    let size = x.size();
    let hint = match *size.as_slice() {
        [_, 3, height, width] if height.min(width) > 0 && size[0] > 0 => None,
        [_, 3, _, _] => Some("Give at least one image with at least one pixel."),
        [_, 1, _, _] => {
            Some("These are greyscale images: repeat their channel, x.repeat([1, 3, 1, 1]).")
        }
        [_, 4, _, _] => {
            Some("A fourth channel is usually opacity: leave it out, x.narrow(1, 0, 3).")
        }
        [_, _, _, 1 | 3] => Some("The channels come last here: use x.permute([0, 3, 1, 2])."),
        [3, _, _] => Some("This is one image: use x.unsqueeze(0)."),
        _ => Some("Give images with three channels, such as the batches of a DataLoader."),
    };
    if let Some(hint) = hint {
        let expected = "(B, 3, H, W)".into();
        return Err(Error::Shape { name: "x", found: size, expected, hint: hint.into() });
    }
    let expected = float_kind("weights", weight)?;
    let narrow = matches!(kind, Kind::Half | Kind::BFloat16) && expected == Kind::Float;
    if kind != expected && !narrow {
        let hint = format!("Convert the images with to_kind(Kind::{expected:?}).");
        let allowed = "the kind of the weights";
        return Err(Error::parameter("x", format!("a tensor of {kind:?}"), allowed, hint));
    }
    if x.device() != weight.device() {
        let hint = format!("Move the images with to_device(Device::{:?}).", weight.device());
        let value = format!("a tensor on {:?}", x.device());
        return Err(Error::parameter("x", value, "a tensor where the weights are", hint));
    }
    Ok(())
}

/// The first GPU if libtorch sees one, otherwise the CPU.
pub(crate) fn best_device() -> Device {
    if twoviews_tch_ext::gpus() == 0 { Device::Cpu } else { Device::Cuda(0) }
}

/// Refuses a device that libtorch does not have here.
///
/// # Errors
/// [`Error::Parameter`] with what there is.
pub(crate) fn check_device(device: Device) -> Result<()> {
    let there = match device {
        Device::Cpu => true,
        Device::Cuda(index) => index < twoviews_tch_ext::gpus(),
        // libtorch is asked, because tch does not tell.
        other => Tensor::f_zeros([1], (Kind::Float, other)).is_ok(),
    };
    if there {
        return Ok(());
    }
    let hint = format!("Use best_device(), which is {:?} here.", best_device());
    Err(Error::parameter("device", format!("{device:?}"), "a device that libtorch finds", hint))
}
