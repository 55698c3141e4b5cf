//! The experiment of lesson 01: two losses of one batch, at any temperature and batch size.

use twoviews::Result;
use twoviews::losses::{AnchorSimilarities, CosineSimilarities};

use crate::stored::two_views;

/// Colours of negatives and positives, mid-tones that are seen on light and dark ground.
const NEGATIVE: [u8; 3] = [0x2b, 0x7b, 0xc9];
const POSITIVE: [u8; 3] = [0xd9, 0x6b, 0x0b];

/// How finely the picture tells cosines apart: by less than a level of opacity from the temperature .01 on.
const STEPS: usize = 1 << 15;

/// The similarities of all stored embeddings, and of those that are in the batch.
pub struct Batch {
    all: CosineSimilarities,
    current: CosineSimilarities,
}

impl Batch {
    /// The batch of all images whose embeddings are stored: (2, N, `width`).
    ///
    /// # Errors
    /// If there are not two views of at least two images.
    pub fn new(stored: &[i8], width: usize) -> Result<Self> {
        let [z1, z2] = two_views(stored)?;
        let all = CosineSimilarities::new(&z1, &z2, width)?;
        Ok(Self { current: all.clone(), all })
    }

    /// Takes the first `n` images.
    ///
    /// # Errors
    /// If there are not so many, or fewer than two are wanted.
    pub fn resize(&mut self, n: usize) -> Result<()> {
        self.current = self.all.first(n)?;
        Ok(())
    }

    /// The similarities of the batch.
    pub fn similarities(&self) -> &CosineSimilarities {
        &self.current
    }

    /// Losses, q and shares of the gradient: InfoNCE, DCL, then q (2N), then the shares (2N).
    ///
    /// # Errors
    /// If the temperature is outside its range.
    pub fn numbers(&self, temperature: f64) -> Result<Vec<f64>> {
        let found: AnchorSimilarities = self.current.at_temperature(temperature)?;
        let mut numbers = vec![found.info_nce(), found.dcl()];
        numbers.extend(found.q());
        numbers.extend(found.gradient_shares());
        Ok(numbers)
    }

    /// The picture of the similarities, RGBA, (2N, 2N): the opacity is the square root of exp(cosine /
    /// temperature), relative to the largest of the row, its anchor. Positives have a colour of their
    /// own and are always seen; an anchor does not meet itself.
    pub fn picture(&self, temperature: f64) -> Vec<u8> {
        let (cosines, n) = (self.current.cosines(), self.current.num_images());
        let anchors = 2 * n;
        // No two cosines differ by more than 2, and a look at a table is quicker than an exponential.
        let scale = STEPS as f64 / 2.0;
        let opacities: Vec<f32> = (0..=STEPS)
            .map(|step| (step as f64 / scale / temperature * -0.5).exp() as f32)
            .collect();
        let mut pixels = vec![0; 4 * anchors * anchors];
        let rows = cosines.chunks_exact(anchors).zip(pixels.chunks_exact_mut(4 * anchors));
        for (i, (row, pixels)) in rows.enumerate() {
            let partner = (i + n) % anchors;
            let others = row.iter().enumerate().filter(|&(j, _)| j != i);
            let largest = others.map(|(_, &c)| c).fold(f64::NEG_INFINITY, f64::max);
            for (j, (&cosine, pixel)) in row.iter().zip(pixels.as_chunks_mut::<4>().0).enumerate() {
                if j == i {
                    continue;
                }
                let opacity = opacities[(((largest - cosine) * scale) as usize).min(STEPS)];
                let ([r, g, b], opacity) = if j == partner {
                    (POSITIVE, 0.35 + 0.65 * opacity)
                } else {
                    (NEGATIVE, opacity)
                };
                *pixel = [r, g, b, (opacity * 255.0) as u8];
            }
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images whose views agree and that are orthogonal.
    fn batch() -> Batch {
        Batch::new(&[127, 0, 0, 127, 127, 0, 0, 127], 2).unwrap()
    }

    #[test]
    fn numbers_come_in_their_order() {
        let numbers = batch().numbers(1.0).unwrap();
        let e = 1f64.exp();
        let expected = [(e + 2.0).ln() - 1.0, 2f64.ln() - 1.0, 2.0 / (e + 2.0)];
        for (found, expected) in numbers.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(numbers.len(), 2 + 4 + 4);
        assert!(numbers[6..].iter().all(|share| (share - 0.25).abs() < 1e-12));
    }

    #[test]
    fn the_picture_has_positives_negatives_and_an_empty_diagonal() {
        let picture = batch().picture(0.5);
        let pixel = |i: usize, j: usize| &picture[4 * (4 * i + j)..][..4];
        assert_eq!(pixel(1, 1), [0; 4]);
        assert_eq!((&pixel(0, 2)[..3], pixel(0, 2)[3]), (&POSITIVE[..], 255));
        // exp(-1 / .5), and of that the root.
        assert_eq!((&pixel(0, 1)[..3], pixel(0, 1)[3]), (&NEGATIVE[..], 93));
    }

    #[test]
    fn what_is_no_batch_is_named() {
        for (stored, width) in [(&[1i8; 3][..], 1), (&[1; 8], 3), (&[1; 4], 2), (&[], 0)] {
            assert!(Batch::new(stored, width).is_err(), "{stored:?}");
        }
        let mut batch = batch();
        assert!(batch.resize(3).is_err() && batch.resize(1).is_err() && batch.resize(2).is_ok());
        assert!(batch.numbers(0.0).is_err());
    }
}
