"""Cells that train: they are interrupted at random moments, and all variables stay."""

import random
import threading
import time
import unittest
from pathlib import Path

from support import LOAD, LONG, Kernel

PREPARE = """
let images = Shapes10 { num_images: 2_000, ..Default::default() }.generate()?;
let rows: Vec<usize> = (0..images.len()).collect();
let train = Subset::new(&images, &rows)?;
let views = MultiViewsTransform::new(simclr_transform(), 2)?;
let loader = MultiViewsLoader::new(train.clone(), views, MultiViewsLoaderConfig { batch_size: 32, ..Default::default() })?;
let config = DCLConfig { encoder: EncoderKind::ResNet8, max_epochs: 1_000, ..DCLConfig::tutorial(32) };
let mut model = DCL::new(config, Device::Cpu)?;
let kept = Tensor::from_slice(&[17i64]);
"""

# A problem that takes the solver minutes.
LBFGS = """
use twoviews::ndarray::{Array1, Array2};
let x: Array2<f64> = Array2::from_shape_fn((50_000, 128), |(i, j)| ((i * 31 + j * j * 17) % 97) as f64);
let y: Array1<i64> = Array1::from_shape_fn(50_000, |i| (i % 10) as i64);
let probe = LogisticRegression { solver: Solver::Lbfgs, max_iter: 1_000_000, tol: 1e-15, ..Default::default() };
"""

# Calls of the library that are generic in a path, a number or a loss, and what each has done within it.
CALLS = {
    'LinePlot::new("t", "x", "y").save("x.svg")?': "plotters",
    "DCL::new(config.clone(), Device::Cpu)?.fit(views.as_ref().unwrap(), FitOptions::default())?": "HeapRetention",
    "DCL::new(config.clone(), Device::Cpu)?.transform(images.as_ref().unwrap())?": "InferenceEncoder",
    'DCL::load_training("x", Device::Cpu)?': "read_checkpoint",
    'Weights::new("x", None, "y")?.load_checkpoint(&mut DCL::new(config.clone(), Device::Cpu)?)?': "Settings",
    "LogisticRegression::default().fit(&x, &y)?.predict(&x)?": "Objective",
    "Pca::default().fit(&x)?.transform(&x)?": "column_means",
    "FactorProbe::default().score((&x, &t), (&x, &t))?": "mean_and_scale",
    'check("1").case("a", || Some(1.0), 0.5, &[(0.1, "no")])': "take_hook",
    "twoviews::losses::anchor_gradients(&DCLLoss::new(0.5)?, &z, &z)?": "run_backward",
}
ARGUMENTS = """
use twoviews::ndarray::{Array1, Array2};
let (never, config, z) = (std::env::var("NEVER").is_ok(), DCLConfig::default(), Tensor::new());
let (views, images): (Option<MultiViewsLoader>, Option<DataLoader>) = (None, None);
let (x, y, t): (Array2<f32>, Array1<i64>, Array2<f64>) = (Array2::zeros((4, 2)), Array1::zeros(4), Array2::zeros((4, 2)));
"""


class Training(Kernel):
    def test_interrupts_keep_all_variables(self) -> None:
        for code in (LOAD, PREPARE):
            reply, _ = self.run_cell(code, timeout=600)
            self.assertEqual(reply["status"], "ok", reply)
        draw = random.Random(42)
        slowest = 0.0
        for number in range(100 if LONG else 5):
            asked = []

            def interrupt() -> None:
                self.manager.interrupt_kernel()
                asked.append(time.monotonic())

            # Some moments lie in the compilation, most in the training.
            timer = threading.Timer(draw.uniform(0.1, 4), interrupt)
            timer.start()
            reply, messages = self.run_cell("model.fit(&loader, FitOptions { quiet: true, ..Default::default() })?;")
            slowest = max(slowest, time.monotonic() - asked[0])
            self.assertEqual((number, reply["status"], reply.get("ename")), (number, "error", "Interrupted"), reply)
            reply, messages = self.run_cell("assert_eq!(kept.int64_value(&[0]), 17); println!(\"{}\", train.len());")
            self.assertEqual((reply["status"], self.streams(messages)), ("ok", "2000\n"), reply)
        reply, messages = self.run_cell("println!(\"{:?}\", model.transform_with_targets(&DataLoader::new(&train, 256, 0)?)?.0.shape());")
        self.assertEqual(reply["status"], "ok", "the model is usable")
        print(f"[at most {slowest:.1f} s from interrupt to reply]", end=" ", flush=True)

    def test_an_interrupt_does_not_wait_for_lbfgs(self) -> None:
        for code in (LOAD, LBFGS):
            reply, _ = self.run_cell(code, timeout=600)
            self.assertEqual(reply["status"], "ok", reply)
        # The second time the cell is compiled sooner.
        for wait in (5, 3):
            threading.Timer(wait, self.manager.interrupt_kernel).start()
            reply, _ = self.run_cell("probe.fit(&x, &y)?;")
            self.assertEqual((reply["status"], reply.get("ename")), ("error", "Interrupted"), reply)
            self.assertEqual(self.run_cell("println!(\"{:?}\", x.dim());")[0]["status"], "ok")

    def test_what_the_library_does_is_not_compiled_with_each_cell(self) -> None:
        folder = ""
        calls = "\n".join(f"let _ = {call};" for call in CALLS)
        for code in (LOAD, ARGUMENTS, 'println!("{}", std::env::var("EVCXR_TMPDIR")?);', f"if never {{ {calls} }}"):
            reply, messages = self.run_cell(code, timeout=600)
            self.assertEqual(reply["status"], "ok", reply)
            folder = self.streams(messages).strip() or folder
        # What rustc has made of the last cell's own code, before it was linked with the library's.
        sessions = [it for it in Path(folder).glob("target/*/debug/incremental/ctx-*/s-*") if it.is_dir()]
        newest = max(sessions, key=lambda it: it.stat().st_mtime)
        compiled = b"".join(it.read_bytes() for it in newest.glob("*.o"))
        self.assertIn(b"run_user_code", compiled)
        self.assertEqual({call: name for call, name in CALLS.items() if name.encode() in compiled}, {})


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
