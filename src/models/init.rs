//! Initial weights with torchvision's distributions, as a function of the seed alone.

use std::f64::consts::TAU;

use tch::{Tensor, nn::VarStore};

use crate::Result;
use crate::rng::RandomStream;

/// No run has so many epochs, so no augmentation shares a stream with the weights.
const EPOCH: u64 = u32::MAX as u64;

/// Draws every weight of an encoder and a projection head anew.
///
/// | tensor | distribution | source |
/// |---|---|---|
/// | convolution (O, I, k, k) | normal, deviation sqrt(2 / (O k k)) | He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015, over the fan-out |
/// | linear layer (O, I) and its bias | uniform within 1 / sqrt(I) | PyTorch's `nn.Linear` |
/// | batch norm | weight 1, bias 0, mean 0, variance 1 | |
///
/// Each tensor has a stream of its own, so that the values do not depend on what else draws random
/// numbers meanwhile; libtorch's generator, which the whole process shares, is not used.
///
/// # Errors
/// If libtorch refuses an operation.
pub fn initialise(variables: &mut VarStore, seed: u64) -> Result<()> {
    let mut named: Vec<(String, Tensor)> = variables.variables().into_iter().collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let bound_of = |name: &str, named: &[(String, Tensor)]| {
        let weight = format!("{}weight", name.strip_suffix("bias")?);
        let size = named.iter().find(|(name, _)| *name == weight)?.1.size();
        (size.len() == 2).then(|| 1.0 / (size[1] as f64).sqrt())
    };
    let _guard = tch::no_grad_guard();
    for (i, (name, tensor)) in named.iter().enumerate() {
        let mut draws = RandomStream::new(seed, EPOCH, i as u64, 0);
        let (size, count) = (tensor.size(), tensor.numel());
        let values = match size.as_slice() {
            [output, _, height, width] => {
                normal(&mut draws, count, (2.0 / (output * height * width) as f64).sqrt())
            }
            [_, input] => uniform(&mut draws, count, 1.0 / (*input as f64).sqrt()),
            _ => match bound_of(name, &named) {
                Some(bound) => uniform(&mut draws, count, bound),
                None if name.ends_with("weight") || name.ends_with("running_var") => {
                    vec![1.0; count]
                }
                None => vec![0.0; count],
            },
        };
        let mut tensor = tensor.shallow_clone();
        tensor.f_copy_(&Tensor::f_from_slice(&values)?.f_view(size.as_slice())?)?;
    }
    Ok(())
}

fn uniform(draws: &mut RandomStream, count: usize, bound: f64) -> Vec<f32> {
    (0..count).map(|_| draws.uniform_range(-bound, bound) as f32).collect()
}

/// Pairs of normal numbers from pairs of uniform ones (Box and Muller, 1958).
fn normal(draws: &mut RandomStream, count: usize, deviation: f64) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = deviation * (-2.0 * (1.0 - draws.uniform()).ln()).sqrt();
        let (sine, cosine) = (TAU * draws.uniform()).sin_cos();
        values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
    }
    values.truncate(count);
    values
}
