//! The losses on plain slices: the second form of the equations in `info_nce.rs` and `dcl.rs`, tested
//! against the first.

use std::fmt;

use crate::temperature::{USUAL_TEMPERATURES, check_temperature};
use crate::{Error, Result};

/// Width of the von Mises-Fisher weights of DCLW.
pub(super) const SIGMA: f64 = 0.5;

/// The cosines between all embeddings of a batch, for programs without a tensor library.
///
/// Temperature and batch size can change without multiplying the embeddings again.
///
/// ```
/// use twoviews::losses::CosineSimilarities;
/// // Two images whose views agree and that are orthogonal: s = 1, and two negatives of exp(0).
/// let z = [1.0, 0.0, 0.0, 1.0];
/// let batch = CosineSimilarities::new(&z, &z, 2)?.at_temperature(1.0)?;
/// assert!((batch.info_nce() - (-1.0 + (1f64.exp() + 2.0).ln())).abs() < 1e-12);
/// assert!((batch.dcl() - (-1.0 + 2f64.ln())).abs() < 1e-12);
/// assert!((batch.q()[0] - 2.0 / (1f64.exp() + 2.0)).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct CosineSimilarities {
    n: usize,
    /// (2N, 2N), first the embeddings of all first views
    cosines: Vec<f64>,
}

impl CosineSimilarities {
    /// The cosines of embeddings `z1` and `z2`, each (N, `width`), row by row; they need not be normalised.
    ///
    /// # Errors
    /// If the lengths differ or are no multiple of `width`, N < 2, or an embedding holds NaN, infinity
    /// or numbers whose squares are infinite.
    pub fn new(z1: &[f64], z2: &[f64], width: usize) -> Result<Self> {
        let n = check_lengths(z1, z2, width)?;
        let mut z = Vec::with_capacity(2 * z1.len()); // (2N, width)
        for (name, view) in [("z1", z1), ("z2", z2)] {
            for (i, row) in view.chunks_exact(width).enumerate() {
                let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                if !norm.is_finite() {
                    let hint = "Embeddings are finite numbers, usually below 100.".into();
                    return Err(Error::NonFinite { name, place: format!("in row {i}"), hint });
                }
                z.extend(row.iter().map(|x| x / norm.max(1e-12)));
            }
        }
        let anchors = 2 * n;
        let mut cosines = vec![0.0; anchors * anchors];
        for (i, a) in z.chunks_exact(width).enumerate() {
            for (j, b) in z.chunks_exact(width).enumerate().take(i + 1) {
                let cosine = a.iter().zip(b).map(|(a, b)| a * b).sum();
                cosines[i * anchors + j] = cosine;
                cosines[j * anchors + i] = cosine;
            }
        }
        Ok(Self { n, cosines })
    }

    /// Number of images N.
    pub fn num_images(&self) -> usize {
        self.n
    }

    /// All cosines, (2N, 2N), row by row, first the first views. Anchor i's positive is i + N, or i - N.
    pub fn cosines(&self) -> &[f64] {
        &self.cosines
    }

    /// A smaller batch: the first `n` images.
    ///
    /// # Errors
    /// If `n` is outside 2 to N.
    pub fn first(&self, n: usize) -> Result<Self> {
        if !(2..=self.n).contains(&n) {
            let hint = format!("There are {} images, and one alone has no negatives.", self.n);
            return Err(Error::parameter("n", n, "in 2 to the number of images", hint));
        }
        let (anchors, mut cosines) = (2 * self.n, Vec::with_capacity(4 * n * n));
        for i in (0..n).chain(self.n..self.n + n) {
            let row = &self.cosines[i * anchors..][..anchors];
            cosines.extend_from_slice(&row[..n]);
            cosines.extend_from_slice(&row[self.n..][..n]);
        }
        Ok(Self { n, cosines })
    }

    /// What the losses are made of, at a temperature.
    ///
    /// # Errors
    /// If the temperature is not finite and positive, or so small that a cosine divided by it is infinite.
    pub fn at_temperature(&self, temperature: f64) -> Result<AnchorSimilarities> {
        check_temperature(temperature, USUAL_TEMPERATURES)?;
        let anchors = 2 * self.n;
        let mut positives = Vec::with_capacity(anchors);
        let mut log_negatives = Vec::with_capacity(anchors);
        for (i, row) in self.cosines.chunks_exact(anchors).enumerate() {
            let partner = (i + self.n) % anchors;
            let negatives = || row.iter().enumerate().filter(|&(j, _)| j != i && j != partner);
            let largest = negatives().map(|(_, &c)| c).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = negatives().map(|(_, c)| ((c - largest) / temperature).exp()).sum();
            positives.push(row[partner] / temperature);
            log_negatives.push(largest / temperature + sum.ln());
        }
        // Means of their differences and, in DCLW, of multiples up to 2N have to be finite, too.
        let size: f64 = positives.iter().chain(&log_negatives).map(|x| x.abs()).sum();
        if !(size * anchors as f64).is_finite() {
            let allowed = "large enough for cosines divided by it to be finite";
            return Err(Error::parameter("temperature", temperature, allowed, USUAL_TEMPERATURES));
        }
        Ok(AnchorSimilarities { temperature, positives, log_negatives })
    }
}

impl fmt::Debug for CosineSimilarities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosineSimilarities({} images, two views)", self.n)
    }
}

/// s_i and log S_i of the 2N anchors of a batch, and the losses that are functions of them.
#[derive(Clone, PartialEq)]
pub struct AnchorSimilarities {
    temperature: f64,
    positives: Vec<f64>,
    log_negatives: Vec<f64>,
}

impl AnchorSimilarities {
    /// s_i, the similarity of each anchor to its positive, divided by the temperature, (2N).
    pub fn positives(&self) -> &[f64] {
        &self.positives
    }

    /// log S_i, the logarithm of the sum over each anchor's negatives, (2N).
    pub fn log_negatives(&self) -> &[f64] {
        &self.log_negatives
    }

    /// InfoNCE_i = -s_i + log(exp(s_i) + S_i), averaged over the 2N anchors.
    ///
    /// Chen, Kornblith, Norouzi and Hinton, "A simple framework for contrastive learning of visual
    /// representations", ICML 2020, equation 1.
    pub fn info_nce(&self) -> f64 {
        self.mean(|s, log_negatives| softplus(log_negatives - s))
    }

    /// DCL_i = -s_i + log S_i, averaged over the 2N anchors.
    ///
    /// Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled contrastive learning", ECCV 2022, equation 6.
    pub fn dcl(&self) -> f64 {
        self.mean(|s, log_negatives| log_negatives - s)
    }

    /// DCLW_i = -w_i s_i + log S_i with w_i = 2 - exp(c_i / sigma) / mean_j exp(c_j / sigma), where c_i is
    /// the cosine of a positive pair and sigma = 0.5, averaged over the 2N anchors.
    ///
    /// The same paper, equation 7.
    pub fn dclw(&self) -> f64 {
        let closeness = |s: f64| (s * self.temperature / SIGMA).exp();
        let mean = self.mean(|s, _| closeness(s));
        self.mean(|s, log_negatives| log_negatives - (2.0 - closeness(s) / mean) * s)
    }

    /// q_i = S_i / (exp(s_i) + S_i), (2N): each derivative of InfoNCE_i is q_i times that of DCL_i.
    ///
    /// The same paper, equation 5.
    pub fn q(&self) -> Vec<f64> {
        self.log_q().map(f64::exp).collect()
    }

    /// q_i / sum_j q_j, (2N): the part of InfoNCE's pull on the positive pairs, its derivatives by s_i, that
    /// each anchor has. With DCL every anchor has the same, 1 / 2N.
    pub fn gradient_shares(&self) -> Vec<f64> {
        // By logarithms, because every q may be too small for a number.
        let largest = self.log_q().fold(f64::NEG_INFINITY, f64::max);
        let mut shares: Vec<f64> = self.log_q().map(|log_q| (log_q - largest).exp()).collect();
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        shares
    }

    fn log_q(&self) -> impl Iterator<Item = f64> + '_ {
        self.positives
            .iter()
            .zip(&self.log_negatives)
            .map(|(s, negatives)| -softplus(s - negatives))
    }

    /// The mean over the anchors of a function of s_i and log S_i.
    fn mean(&self, of_anchor: impl Fn(f64, f64) -> f64) -> f64 {
        let anchors = self.positives.iter().zip(&self.log_negatives);
        anchors.map(|(&s, &negatives)| of_anchor(s, negatives)).sum::<f64>()
            / self.positives.len() as f64
    }
}

impl fmt::Debug for AnchorSimilarities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (anchors, temperature) = (self.positives.len(), self.temperature);
        write!(f, "AnchorSimilarities({anchors} anchors, temperature {temperature})")
    }
}

/// log(1 + exp(x)) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The number of images.
fn check_lengths(z1: &[f64], z2: &[f64], width: usize) -> Result<usize> {
    let problem = |name, found: usize, expected: String, hint: &str| {
        Err(Error::Shape { name, found: vec![found as i64], expected, hint: hint.into() })
    };
    if width == 0 || !z1.len().is_multiple_of(width) {
        let expected = format!("N rows of width = {width}, at least 1");
        return problem("z1", z1.len(), expected, "Give one row of numbers for each image.");
    }
    if z2.len() != z1.len() {
        let expected = format!("[{}] like z1", z1.len());
        return problem("z2", z2.len(), expected, "Both views come from the same N images.");
    }
    let n = z1.len() / width;
    if n < 2 {
        let expected = format!("N rows of width = {width} with N >= 2");
        let hint = "With one image there are no negatives: use a batch of at least 2.";
        return problem("z1", z1.len(), expected, hint);
    }
    Ok(n)
}
