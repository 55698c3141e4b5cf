//! Operations with gradients of our own.

#![allow(unsafe_code, reason = "calls C++, and is called by it")]

use std::ffi::{c_char, c_void};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use tch::{TchError, Tensor};

/// libtorch's tensor, as tch and the shim hand it on.
type RawTensor = c_void;
/// A string of C++.
type RawString = c_void;
type Backward = unsafe extern "C" fn(
    *mut c_void,
    *const RawTensor,
    *const bool,
    *mut *mut RawTensor,
    *mut RawString,
) -> bool;

unsafe extern "C" {
    fn twoviews_with_gradient(
        output: *mut RawTensor,
        inputs: *const *mut RawTensor,
        count: usize,
        backward: Backward,
        drop: unsafe extern "C" fn(*mut c_void),
        state: *mut c_void,
    ) -> bool;
    fn twoviews_write(to: *mut RawString, text: *const c_char, length: usize);
}

/// Gives `output`, which was computed from `inputs` outside the graph, its gradient:
/// `backward(g, asked)` returns the gradient of each input for which `asked` is true, from the
/// gradient g of the output. `backward` owns what it needs for that until the backward pass is over,
/// which may be in another thread. Where no gradients are wanted, `output` stays as it is.
///
/// # Errors
/// If libtorch cannot make the node. What `backward` returns is libtorch's error of the pass.
pub fn with_gradient<F, E, const N: usize>(
    mut output: Tensor,
    inputs: [&Tensor; N],
    backward: F,
) -> Result<Tensor, TchError>
where
    F: Fn(&Tensor, [bool; N]) -> Result<[Option<Tensor>; N], E> + Send + 'static,
    E: Display,
{
    let inputs = inputs.map(|input| input.as_ptr().cast_mut().cast());
    // Two passes over one graph may run at once, and tensors may not be shared between threads.
    let state = Box::into_raw(Box::new(Mutex::new(backward))).cast();
    // SAFETY: the tensors are alive, the functions fit the state, and the node owns it from here on.
    let made = unsafe {
        let output = output.as_mut_ptr().cast();
        twoviews_with_gradient(output, inputs.as_ptr(), N, call::<F, E, N>, free::<F>, state)
    };
    if made { Ok(output) } else { Err(TchError::Torch("no node".into())) }
}

/// # Safety
/// The node hands over its own state, a defined tensor, N flags, room for N tensors, and a string.
unsafe extern "C" fn call<F, E, const N: usize>(
    state: *mut c_void,
    gradient: *const RawTensor,
    asked: *const bool,
    out: *mut *mut RawTensor,
    why: *mut RawString,
) -> bool
where
    F: Fn(&Tensor, [bool; N]) -> Result<[Option<Tensor>; N], E>,
    E: Display,
{
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as promised.
        let (backward, gradient, asked) = unsafe {
            let gradient = Tensor::clone_from_ptr(gradient.cast_mut().cast());
            (&*state.cast::<Mutex<F>>(), gradient, *asked.cast::<[bool; N]>())
        };
        let backward = backward.lock().unwrap_or_else(PoisonError::into_inner);
        let _guard = tch::no_grad_guard();
        backward(&gradient, asked)
    }));
    let failure = match outcome {
        Ok(Ok(gradients)) => {
            for (i, gradient) in gradients.into_iter().enumerate() {
                let Some(mut gradient) = gradient else { continue };
                // SAFETY: there is room for N; the node owns the tensor from here on.
                unsafe { *out.add(i) = gradient.as_mut_ptr().cast() };
                std::mem::forget(gradient);
            }
            return true;
        }
        Ok(Err(error)) => error.to_string(),
        // Its message was printed where it happened.
        Err(_) => "a gradient's computation panicked".to_owned(),
    };
    // SAFETY: the text lives until it has been copied.
    unsafe { twoviews_write(why, failure.as_ptr().cast(), failure.len()) };
    false
}

/// # Safety
/// `state` was leaked by `with_gradient` and is freed once.
unsafe extern "C" fn free<F>(state: *mut c_void) {
    // SAFETY: as promised.
    drop(unsafe { Box::from_raw(state.cast::<Mutex<F>>()) });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tch::{Device, Kind};

    use super::*;

    type Gradients<const N: usize> = Result<[Option<Tensor>; N], TchError>;

    fn leaf(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    /// 3 a + b, outside the graph; the gradient of an input that is not asked for is missing.
    fn sum(a: &Tensor, b: &Tensor, kept: Arc<()>) -> Tensor {
        let output = tch::no_grad(|| a * 3.0 + b);
        with_gradient(output, [a, b], move |g, asked| -> Gradients<2> {
            let _ = &kept;
            Ok([asked[0].then(|| g * 3.0), asked[1].then(|| g.shallow_clone())])
        })
        .unwrap()
    }

    #[test]
    fn gradients_flow_through_it() {
        let (a, b) = (leaf(&[1.0, 2.0]), leaf(&[3.0, 4.0]));
        let kept = Arc::new(());
        let loss = (sum(&(&a * 2.0), &b, Arc::clone(&kept)) * &b).sum(Kind::Double);
        let gradients = Tensor::run_backward(&[&loss], &[&a, &b], false, false);
        // d/da (6 a + b) b = 6 b, d/db = 6 a + 2 b
        let values = [0, 1].map(|i| Vec::<f64>::try_from(&gradients[i]).unwrap());
        assert_eq!(values, [vec![18.0, 24.0], vec![12.0, 20.0]]);
        // The pass is over, what it needed is freed although the loss is still there.
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[test]
    fn what_is_not_asked_for_is_not_computed() {
        let (a, b) = (leaf(&[1.0]), Tensor::ones([1], (Kind::Double, Device::Cpu)));
        let output = with_gradient(a.detach() + &b, [&a, &b], |g, asked| -> Gradients<2> {
            assert_eq!(asked, [true, false]);
            Ok([Some(g.shallow_clone()), None])
        });
        let loss = output.unwrap().sum(Kind::Double);
        let gradients = Tensor::run_backward(&[&loss], &[&a], false, false);
        assert_eq!(gradients[0].double_value(&[0]), 1.0);
    }

    #[test]
    fn without_gradients_nothing_is_kept() {
        let kept = Arc::new(());
        let (a, b) = (leaf(&[1.0]), leaf(&[2.0]));
        let without = tch::no_grad(|| sum(&a, &b, Arc::clone(&kept)));
        let frozen = sum(&a.detach(), &b.detach(), Arc::clone(&kept));
        assert!(!without.requires_grad() && !frozen.requires_grad());
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[test]
    fn errors_and_panics_become_libtorchs_error() {
        let a = leaf(&[1.0]);
        type Backward = fn(&Tensor, [bool; 1]) -> Gradients<1>;
        let failing: Backward = |_, _| Err(TchError::Torch("Try another.".into()));
        let panicking: Backward = |_, _| panic!("on purpose");
        for (backward, text) in [(failing, "Try another."), (panicking, "panicked")] {
            let output = with_gradient(a.detach(), [&a], backward).unwrap();
            let error = Tensor::f_run_backward(&[output], &[&a], false, false).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
