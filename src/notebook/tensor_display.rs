//! A tensor as the value of a cell.

use tch::Tensor;

use super::Bundle;

/// Shows the values of a tensor in which a cell ends, as PyTorch does: four decimals, the outer three of each
/// side from 1,000 values on, then shape and kind. A notebook gets it with the prelude; without it, it shows
/// shape and kind only.
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
        Bundle::new(&format!("{self}")).show();
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

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
            Kind::ComplexFloat,
        ];
        for kind in kinds {
            for shape in [vec![], vec![0], vec![3], vec![2, 0], vec![2, 3], vec![2, 70, 90]] {
                let x = Tensor::ones(&shape, (kind, Device::Cpu));
                let text = format!("{x}");
                assert!(text.ends_with(&format!("Tensor[{shape:?}, {kind:?}]")), "{text}");
                assert!(text.len() < 2_000, "{text}");
            }
        }
        let odd = [f32::NAN, f32::INFINITY, -0.0, 1e-30];
        assert!(format!("{}", Tensor::from_slice(&odd)).contains("NaN"));
        let with_gradient = Tensor::ones([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        assert!(format!("{}", &with_gradient * 2.0).starts_with("[2., 2.]"));
        assert_eq!(format!("{}", Tensor::new()), "Tensor[Undefined]");
    }
}
