//! A tensor as the value of a cell.

use tch::{Device, TchError, Tensor};

use super::Bundle;

/// Shows the values of a tensor in which a cell ends, as PyTorch does: four decimals, the outer three of each
/// side from 1,000 values on, then shape and kind. A notebook gets it with the prelude; without it, it shows
/// shape and kind only, as it does here for tensors whose numbers libtorch cannot tell, such as sparse ones.
///
/// ```
/// use twoviews::prelude::*;
/// use twoviews::notebook::TensorDisplay;
/// Tensor::from_slice(&[1.5, 2.0]).evcxr_display();
/// ```
pub trait TensorDisplay {
    /// Shows the tensor below a notebook's cell; elsewhere, prints it.
    fn evcxr_display(&self);
}

impl TensorDisplay for Tensor {
    fn evcxr_display(&self) {
        Bundle::new(&text(self)).show();
    }
}

fn text(x: &Tensor) -> String {
    if !x.defined() || are_values_told(x).is_ok() {
        return format!("{x}");
    }
    let kind = x.f_kind().map_or_else(|_| "of another kind".to_owned(), |kind| format!("{kind:?}"));
    format!("Tensor[{:?}, {kind}]", x.size())
}

/// What tch's own text needs, which panics where it fails, tried on one value.
fn are_values_told(x: &Tensor) -> Result<(), TchError> {
    let mut one = x.f_detach()?;
    for (dim, size) in (0..).zip(x.size()) {
        one = one.f_narrow(dim, 0, size.min(1))?;
    }
    one = one.f_to_device(Device::Cpu)?.f_reshape([-1])?;
    // In whatever kind, of a number that is not 0.
    if one.is_floating_point() {
        let _ = Tensor::f_ones([1], (one.f_kind()?, Device::Cpu))?.f_abs()?.f_min()?;
    }
    one.f_isfinite().map(drop)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::text;

    #[test]
    fn every_kind_and_shape_can_be_shown() {
        let kinds = [
            Kind::Uint8,
            Kind::Int8,
            Kind::Int16,
            Kind::Int,
            Kind::Int64,
            Kind::Half,
            Kind::BFloat16,
            Kind::Float,
            Kind::Double,
            Kind::Bool,
            Kind::ComplexHalf,
            Kind::ComplexFloat,
            Kind::ComplexDouble,
            Kind::Float8e5m2,
            Kind::Float8e4m3fn,
        ];
        for kind in kinds {
            for shape in [vec![], vec![0], vec![3], vec![2, 0], vec![2, 3], vec![2, 70, 90]] {
                let x = Tensor::ones(&shape, (Kind::Float, Device::Cpu)).to_kind(kind);
                let text = text(&x);
                assert!(text.ends_with(&format!("Tensor[{shape:?}, {kind:?}]")), "{text}");
                assert!(text.len() < 2_000, "{text}");
            }
        }
        let odd = [f32::NAN, f32::INFINITY, -0.0, 1e-30];
        assert!(text(&Tensor::from_slice(&odd)).contains("NaN"));
        let with_gradient = Tensor::ones([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        assert!(text(&(&with_gradient * 2.0)).starts_with("[2., 2.]"));
        assert_eq!(text(&Tensor::new()), "Tensor[Undefined]");
        let empty = Tensor::zeros([0], (Kind::Float, Device::Cpu));
        assert_eq!(text(&empty), "[]\nTensor[[0], Float]");
        let x = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
        let [sparse, packed] = [x.to_sparse_sparse_dim(2), x.to_mkldnn()];
        let quantized = x.quantize_per_tensor(0.1, 0, Kind::QInt8);
        let turned = Tensor::ones([3, 2], (Kind::Int64, Device::Cpu)).tr();
        for (x, kind) in
            [(sparse, "Float"), (packed, "Float"), (quantized, "QInt8"), (turned, "Int64")]
        {
            let text = text(&x);
            assert!(text.ends_with(&format!("Tensor[[2, 3], {kind}]")), "{text}");
        }
    }
}
