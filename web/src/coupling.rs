//! The experiment of lesson 02: q of all anchors, and what it does to the gradient of a batch.

use twoviews::losses::{AnchorSimilarities, CosineSimilarities};
use twoviews::{Error, Result};

/// Bars of q from 0 to 1.
pub const BARS: usize = 20;

/// All stored embeddings, dealt into batches.
pub struct Coupling {
    width: usize,
    /// Of each view, (N, width).
    z: [Vec<f64>; 2],
    batches: Vec<Batch>,
}

struct Batch {
    /// Embeddings of length 1, (2n, width), first the first views.
    z: Vec<f64>,
    cosines: CosineSimilarities,
}

impl Coupling {
    /// Takes both views of all images, (N, `width`) each, as one batch.
    ///
    /// # Errors
    /// If there are not two views of at least two images.
    pub fn new([z1, z2]: [Vec<f64>; 2], width: usize) -> Result<Self> {
        let batches = vec![Batch::new(&z1, &z2, width)?];
        Ok(Self { width, z: [z1, z2], batches })
    }

    /// Deals the images into batches of `n`, in their order; what is left over is left out.
    ///
    /// # Errors
    /// If there are not so many, or fewer than two are wanted.
    pub fn deal(&mut self, n: usize) -> Result<()> {
        let images = self.z[0].len() / self.width;
        if !(2..=images).contains(&n) {
            let hint = format!("There are {images} images, and one alone has no negatives.");
            return Err(Error::parameter("n", n, "in 2 to the number of images", hint));
        }
        let [z1, z2] = &self.z;
        let parts = z1.chunks_exact(n * self.width).zip(z2.chunks_exact(n * self.width));
        self.batches =
            parts.map(|(z1, z2)| Batch::new(z1, z2, self.width)).collect::<Result<_>>()?;
        Ok(())
    }

    /// The mean of q; how long InfoNCE's gradient is beside DCL's, and the cosine between the two, means over the
    /// batches; then the share of the anchors whose q lies in each of [`BARS`] equal parts of 0 to 1.
    ///
    /// Gradients are by embeddings of length 1. Without any gradient, as where all embeddings are the same, length
    /// and cosine are NaN.
    ///
    /// # Errors
    /// If the temperature is outside its range.
    pub fn numbers(&self, temperature: f64) -> Result<Vec<f64>> {
        let (mut q, mut lengths, mut cosines) = (Vec::new(), Vec::new(), Vec::new());
        for batch in &self.batches {
            let found = batch.cosines.at_temperature(temperature)?;
            let of_batch = found.q();
            let [info_nce, dcl] = batch.gradients(&found, temperature, &of_batch);
            let [a, b] = [&info_nce, &dcl].map(|gradient| dot(gradient, gradient).sqrt());
            // Below that there is nothing but rounding.
            if a > 0.0 && b * temperature > 1e-12 {
                lengths.push(a / b);
                cosines.push(dot(&info_nce, &dcl) / (a * b));
            }
            q.extend(of_batch);
        }
        let mut bars = [0.0; BARS];
        for value in &q {
            bars[((value * BARS as f64) as usize).min(BARS - 1)] += 1.0 / q.len() as f64;
        }
        Ok([&[mean(&q), mean(&lengths), mean(&cosines)], bars.as_slice()].concat())
    }
}

impl Batch {
    fn new(z1: &[f64], z2: &[f64], width: usize) -> Result<Self> {
        let cosines = CosineSimilarities::new(z1, z2, width)?;
        let mut z = [z1, z2].concat();
        for row in z.chunks_exact_mut(width) {
            let length = dot(row, row).sqrt().max(1e-12);
            row.iter_mut().for_each(|x| *x /= length);
        }
        Ok(Self { z, cosines })
    }

    /// The gradients of InfoNCE and of DCL by all embeddings, (2n, width) each, means over the anchors.
    ///
    /// DCL_i = -s_i + log S_i has by the cosines the derivatives -1 / tau at the partner and softmax / tau at the
    /// negatives, InfoNCE_i `q` times that. By embeddings of length 1 only what is orthogonal to them counts.
    fn gradients(&self, found: &AnchorSimilarities, temperature: f64, q: &[f64]) -> [Vec<f64>; 2] {
        let (anchors, cosines) = (q.len(), self.cosines.cosines());
        let width = self.z.len() / anchors;
        let derivative = |i: usize, j: usize| {
            let softmax = (cosines[i * anchors + j] / temperature - found.log_negatives()[i]).exp();
            let is_partner = j == (i + anchors / 2) % anchors;
            if is_partner { -1.0 } else { softmax }
        };
        let embedding = |i: usize| &self.z[i * width..][..width];
        let mut gradients = [(); 2].map(|()| vec![0.0; self.z.len()]);
        for i in 0..anchors {
            for j in 0..i {
                // The cosine of two embeddings is met by each of them as an anchor.
                let (a, b) = (derivative(i, j), derivative(j, i));
                let by_cosine = [q[i] * a + q[j] * b, a + b];
                for (gradient, by_cosine) in gradients.iter_mut().zip(by_cosine) {
                    add(&mut gradient[i * width..][..width], by_cosine, embedding(j));
                    add(&mut gradient[j * width..][..width], by_cosine, embedding(i));
                }
            }
        }
        let scale = 1.0 / (temperature * anchors as f64);
        for gradient in &mut gradients {
            for (row, z) in gradient.chunks_exact_mut(width).zip(self.z.chunks_exact(width)) {
                add(row, -dot(row, z), z);
                row.iter_mut().for_each(|x| *x *= scale);
            }
        }
        gradients
    }
}

/// Adds `factor` times `other`.
fn add(row: &mut [f64], factor: f64, other: &[f64]) {
    row.iter_mut().zip(other).for_each(|(sum, x)| *sum += factor * x);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four images, whose views nearly agree.
    fn coupling() -> Coupling {
        let z1 = vec![1.0, 0.0, 0.2, 1.0, -1.0, 0.1, 0.0, -3.0];
        let z2 = vec![1.0, 0.2, 0.0, 2.0, -1.0, 0.0, 0.3, -1.0];
        Coupling::new([z1, z2], 2).unwrap()
    }

    #[test]
    fn many_alike_candidates_leave_nothing_to_remove() {
        let found = coupling().numbers(100.0).unwrap();
        // Six negatives and a partner that weigh the same.
        assert!((found[0] - 6.0 / 7.0).abs() < 0.01, "{found:?}");
        assert!((found[1] - found[0]).abs() < 0.01 && found[2] > 0.9999, "{found:?}");
    }

    #[test]
    fn the_gradient_is_shorter_by_q_and_turned_where_q_differs() {
        let mut coupling = coupling();
        for n in [2, 4] {
            coupling.deal(n).unwrap();
            for temperature in [0.1, 0.5] {
                let found = coupling.numbers(temperature).unwrap();
                assert!(found[1] > 0.0 && found[1] < 1.0 && found[2] > 0.0, "{found:?}");
                assert!((found[3..].iter().sum::<f64>() - 1.0).abs() < 1e-9, "{found:?}");
            }
        }
    }

    #[test]
    fn one_point_has_no_gradient() {
        let found = Coupling::new([vec![1.0; 4], vec![1.0; 4]], 2).unwrap().numbers(0.1).unwrap();
        assert!((found[0] - 2.0 / 3.0).abs() < 1e-9 && found[2].is_nan(), "{found:?}");
    }

    #[test]
    fn sizes_and_temperatures_outside_their_ranges_are_refused() {
        let mut coupling = coupling();
        assert!(coupling.deal(1).is_err() && coupling.deal(5).is_err() && coupling.deal(3).is_ok());
        assert!(coupling.numbers(0.0).is_err() && coupling.numbers(f64::NAN).is_err());
        assert!(Coupling::new([vec![1.0; 4], vec![1.0; 2]], 2).is_err());
    }
}
