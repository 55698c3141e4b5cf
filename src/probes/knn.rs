//! The k-nearest-neighbour probe: no training, only distances.

use ndarray::{Array1, Array2};
use tch::{Kind, Tensor};

use super::features::{check_finite, tensor};
use super::linear::accuracy;
use crate::notebook::check_interrupt;
use crate::temperature::{check_float32, check_temperature};
use crate::{Error, Result};

/// Rows that are compared with the bank at once.
const QUERIES_AT_ONCE: i64 = 1024;

/// Votes of the k most similar features of a bank, weighted by exp(cosine / temperature).
///
/// Wu, Xiong, Yu and Lin, "Unsupervised feature learning via non-parametric instance
/// discrimination", CVPR 2018, section 3.4.
///
/// | name | default | range |
/// |---|---|---|
/// | `k` | 200 | >= 1; the whole bank if it is smaller |
/// | `temperature` | 0.07 | >= 1.2e-38, what float32 holds in full |
///
/// A feature that is 0 has cosine 0 with everything; a tie goes to the smaller label.
///
/// ```
/// use twoviews::ndarray::array;
/// use twoviews::probes::KnnProbe;
/// let (bank, labels) = (array![[1f32, 0.], [0., 1.], [0.1, 1.]], array![5, 8, 8]);
/// let knn = KnnProbe { k: 2, ..Default::default() };
/// assert_eq!(knn.predict(&bank, &labels, &array![[2., 0.1], [0., 3.]])?, array![5, 8]);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KnnProbe {
    /// Neighbours that vote.
    pub k: usize,
    /// Temperature of the weights.
    pub temperature: f64,
}

impl Default for KnnProbe {
    fn default() -> Self {
        Self { k: 200, temperature: 0.07 }
    }
}

impl KnnProbe {
    /// The label of each row of `x` (M, D), voted by `bank` (N, D) with `labels` (N).
    ///
    /// # Errors
    /// If a parameter is out of range, shapes do not fit, or a feature is not finite.
    pub fn predict(
        &self,
        bank: &Array2<f32>,
        labels: &Array1<i64>,
        x: &Array2<f32>,
    ) -> Result<Array1<i64>> {
        self.check()?;
        if labels.len() != bank.nrows() {
            return Err(Error::Shape {
                name: "labels",
                found: vec![labels.len() as i64],
                expected: format!("({})", bank.nrows()),
                hint: "Give one label for each row of the bank.".into(),
            });
        }
        let _guard = tch::no_grad_guard();
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let class_of = |label: &i64| classes.partition_point(|class| class < label) as i64;
        let indices: Vec<i64> = labels.iter().map(class_of).collect();
        let indices = Tensor::from_slice(&indices);
        let mut predicted = Vec::with_capacity(x.nrows());
        for (similarities, neighbours) in self.neighbours(bank, x)? {
            // The largest similarity of a row is taken off first, so that exp cannot overflow.
            let best = similarities.f_narrow(1, 0, 1)?;
            let weights = similarities.f_sub(&best)?.f_div_scalar(self.temperature)?.f_exp()?; // (m, k)
            let size = [weights.size()[0], classes.len() as i64];
            let votes = Tensor::f_zeros(size, (Kind::Float, weights.device()))?;
            let labels = indices.f_index_select(0, &neighbours.f_view(-1)?)?;
            let votes = votes.f_scatter_add(1, &labels.f_view_as(&neighbours)?, &weights)?;
            let winners = Vec::<i64>::try_from(votes.f_argmax(1, false)?)?;
            predicted.extend(winners.into_iter().map(|class| classes[class as usize]));
        }
        Ok(predicted.into())
    }

    /// Checks both parameters.
    pub(crate) fn check(&self) -> Result<()> {
        if self.k == 0 {
            return Err(Error::parameter("k", 0, ">= 1", "The benchmark uses 200."));
        }
        check_float32(check_temperature(self.temperature, "The benchmark uses 0.07.")?)
    }

    /// Share of rows of `x` that get their label `y`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), or if the lengths differ.
    pub fn score(
        &self,
        (bank, labels): (&Array2<f32>, &Array1<i64>),
        (x, y): (&Array2<f32>, &Array1<i64>),
    ) -> Result<f64> {
        accuracy(&self.predict(bank, labels, x)?, y)
    }

    /// For each row of `x`, the rows of `bank` that are most similar, the most similar first.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn nearest(&self, bank: &Array2<f32>, x: &Array2<f32>) -> Result<Vec<Vec<usize>>> {
        let _guard = tch::no_grad_guard();
        let mut nearest = Vec::with_capacity(x.nrows());
        for (_, neighbours) in self.neighbours(bank, x)? {
            for row in Vec::<Vec<i64>>::try_from(neighbours)? {
                nearest.push(row.into_iter().map(|index| index as usize).collect());
            }
        }
        Ok(nearest)
    }

    /// Cosines and positions of the k nearest, block by block, each (m, k).
    fn neighbours(&self, bank: &Array2<f32>, x: &Array2<f32>) -> Result<Vec<(Tensor, Tensor)>> {
        self.check()?;
        if bank.is_empty() || bank.ncols() != x.ncols() {
            return Err(Error::Shape {
                name: "x",
                found: vec![x.nrows() as i64, x.ncols() as i64],
                expected: format!("(M, {}) like the bank of {} rows", bank.ncols(), bank.nrows()),
                hint: "Compare features of one encoder, with at least one in the bank.".into(),
            });
        }
        let (bank, x) = (unit_rows("bank", bank)?, unit_rows("x", x)?);
        let k = self.k.min(bank.size()[0] as usize) as i64;
        let columns = bank.f_tr()?;
        let blocks = x.f_split(QUERIES_AT_ONCE, 0)?;
        let block = |x: &Tensor| {
            check_interrupt(|| "in the k-nearest-neighbour probe".into())?;
            Ok(x.f_matmul(&columns)?.f_topk(k, 1, true, true)?)
        };
        blocks.iter().map(block).collect()
    }
}

/// The rows as a tensor, each divided by its length, whose square float32 may not hold.
fn unit_rows(name: &'static str, rows: &Array2<f32>) -> Result<Tensor> {
    check_finite(name, rows)?;
    let rows = tensor(rows)?;
    let length = rows.f_norm_scalaropt_dim_dtype(2, [1], true, Kind::Double)?;
    // Only of a row of zeros, which stays one.
    let length = length.f_clamp_min(f64::MIN_POSITIVE)?;
    Ok(rows.f_div(&length)?.f_to_kind(Kind::Float)?)
}
