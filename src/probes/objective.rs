//! The objective of logistic regression, its gradient and its Hessian, in float64.

use ndarray::{Array1, Array2};
use tch::{Kind, Tensor};

use super::features::{array, tensor};
use crate::Result;

/// Rows whose weighted copies are in memory at once while the Hessian is summed up.
const ROWS_AT_ONCE: i64 = 4096;

/// f(W, b) = sum_n -log p(y_n | x_n) + |W|^2 / (2 C), with p = softmax(W x + b).
///
/// Two classes have one row of coefficients, as in scikit-learn: the first class's logit is 0.
pub(super) struct Objective {
    /// Features and a column of ones, (N, D + 1)
    x: Tensor,
    /// One-hot classes, (N, rows)
    y: Tensor,
    /// Weight of the penalty of every coefficient: 1 / C, and 0 for the intercept, (D + 1)
    penalty: Tensor,
    /// Rows of coefficients.
    pub rows: i64,
}

/// Where a search for the smallest value ended.
pub(super) struct Optimum {
    /// (rows, D + 1)
    pub w: Tensor,
    pub iterations: usize,
}

/// Value and gradient at a point, with what the Hessian needs.
pub(super) struct Evaluation {
    pub value: f64,
    /// (rows, D + 1)
    pub gradient: Tensor,
    probabilities: Tensor,
}

impl Objective {
    /// `classes[n]` is the class index of row n of `x`.
    pub(super) fn new(x: &Array2<f64>, classes: &[i64], n_classes: usize, c: f64) -> Result<Self> {
        let (n, d) = (x.nrows() as i64, x.ncols() as i64);
        let x = tensor(x)?;
        let options = (Kind::Double, x.device());
        let rows = if n_classes == 2 { 1 } else { n_classes as i64 };
        let y = Tensor::f_from_slice(classes)?.f_one_hot(n_classes as i64)?.to_kind(Kind::Double);
        let y = y.narrow(1, n_classes as i64 - rows, rows).contiguous();
        let penalty = Tensor::full([d + 1], 1.0 / c, options);
        let _ = penalty.narrow(0, d, 1).fill_(0.0);
        Ok(Self { x: Tensor::f_cat(&[x, Tensor::ones([n, 1], options)], 1)?, y, penalty, rows })
    }

    /// Features and the column of ones.
    pub(super) fn width(&self) -> i64 {
        self.x.size()[1]
    }

    /// Number of samples.
    pub(super) fn samples(&self) -> i64 {
        self.x.size()[0]
    }

    /// Value and gradient at `w` (rows, D + 1).
    pub(super) fn evaluate(&self, w: &Tensor) -> Evaluation {
        let _guard = tch::no_grad_guard();
        let logits = self.x.matmul(&w.tr()); // (N, rows)
        let all = if self.rows == 1 {
            Tensor::cat(&[logits.zeros_like(), logits.shallow_clone()], 1)
        } else {
            logits.shallow_clone()
        };
        let normaliser = all.logsumexp([1i64].as_slice(), true); // (N, 1)
        let losses = normaliser.sum(None::<Kind>) - (&self.y * &logits).sum(None::<Kind>);
        let probabilities = (logits - normaliser).exp();
        let penalised = w * &self.penalty;
        let penalty = (&penalised * w).sum(None::<Kind>).double_value(&[]);
        let value = losses.double_value(&[]) + 0.5 * penalty;
        let gradient = (&probabilities - &self.y).tr().matmul(&self.x) + penalised;
        Evaluation { value, gradient, probabilities }
    }

    /// How much larger the largest logit of all is than the smallest row's largest one, at `w`; 0 for
    /// two classes, whose losses do not depend on another row.
    pub(super) fn spread(&self, w: &Tensor) -> Result<f64> {
        if self.rows == 1 {
            return Ok(0.0);
        }
        let largest = self.x.f_matmul(&w.f_tr()?)?.f_amax([1i64].as_slice(), false)?; // (N)
        Ok(largest.f_max()?.f_sub(&largest.f_min()?)?.f_double_value(&[])?)
    }

    /// The Hessian at the evaluated point times `v`, both (rows, D + 1), without the Hessian.
    ///
    /// With a = X v_k for every class k: X^T (p_k (a_k - sum_l p_l a_l)) and the penalty.
    pub(super) fn hessian_product(&self, at: &Evaluation, v: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let p = &at.probabilities;
        let weighted = self.x.matmul(&v.tr()) * p; // (N, rows)
        let mean = weighted.sum_dim_intlist([1i64].as_slice(), true, None); // (N, 1)
        (weighted - p * mean).tr().matmul(&self.x) + v * &self.penalty
    }

    /// A matrix M (D + 1, D + 1) that is close to each class's own block of the Hessian: the mean
    /// of X^T diag(p_k (1 - p_k)) X over the classes, and the penalty.
    pub(super) fn preconditioner(&self, at: &Evaluation) -> Tensor {
        let _guard = tch::no_grad_guard();
        let p = &at.probabilities;
        let variance: Tensor = p * (1.0 - p);
        let curvature = variance.mean_dim([1i64].as_slice(), true, None); // (N, 1)
        (&self.x * curvature).tr().matmul(&self.x) + self.penalty.diag(0)
    }

    /// The Hessian at the evaluated point, (rows (D + 1), rows (D + 1)); its lower half is not set.
    ///
    /// Block (k, l) is X^T diag(p_k (delta_kl - p_l)) X. The blocks right of the diagonal come
    /// from one product for each k: the weighted copy p_k X against all later copies side by side.
    pub(super) fn hessian(&self, at: &Evaluation) -> Tensor {
        let _guard = tch::no_grad_guard();
        let width = self.width();
        let size = self.rows * width;
        let hessian = self.penalty.repeat([self.rows]).diag(0);
        for start in (0..self.samples()).step_by(ROWS_AT_ONCE as usize) {
            let rows = ROWS_AT_ONCE.min(self.samples() - start);
            let x = self.x.narrow(0, start, rows);
            let p = at.probabilities.narrow(0, start, rows);
            // (rows, K (D + 1)): p_1 X, p_2 X, ... side by side
            let weighted = (p.unsqueeze(2) * x.unsqueeze(1)).view([rows, size]);
            for k in 0..self.rows {
                let first = k * width;
                let mine = weighted.narrow(1, first, width);
                let mut block = hessian.narrow(0, first, width).narrow(1, first, size - first);
                block -= mine.tr().matmul(&weighted.narrow(1, first, size - first));
                let mut diagonal = hessian.narrow(0, first, width).narrow(1, first, width);
                diagonal += mine.tr().matmul(&x);
            }
        }
        hessian
    }

    /// Coefficients (rows, D) and intercepts (rows) of `w`.
    pub(super) fn split(&self, w: &Tensor) -> Result<(Array2<f64>, Array1<f64>)> {
        let d = self.width() - 1;
        let coef = array(&w.f_narrow(1, 0, d)?)?;
        let intercept = Vec::<f64>::try_from(w.f_select(1, d)?.f_contiguous()?)?;
        Ok((coef, intercept.into()))
    }
}
