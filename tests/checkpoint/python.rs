//! Python reads what is saved.

use tch::{Device, Kind, Tensor};
use twoviews::prelude::*;

use super::support;

/// The snippet of `Estimator::save`, run by a Python that has torch, torchvision and safetensors.
#[test]
fn python_loads_what_is_saved() {
    let Some(python) = std::env::var_os("TWOVIEWS_TEST_PYTHON") else {
        println!("skipped: TWOVIEWS_TEST_PYTHON names no Python with torch");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dcl.safetensors");
    let model = DCL::new(DCLConfig::default(), Device::Cpu).unwrap();
    model.save(&path).unwrap();
    let script = "
import sys, safetensors.torch, torch
from torch import nn
from torchvision.models import resnet18
encoder = resnet18(num_classes=128)
encoder.conv1, encoder.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
state = safetensors.torch.load_file(sys.argv[1])
encoder.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith('encoder.')})
x = torch.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32) / 6144 - 0.5
print(' '.join(map(str, encoder.eval()(x).detach().flatten().tolist())))
";
    let output = std::process::Command::new(python)
        .args(["-c", script])
        .arg(&path)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<f64> = String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let x = Tensor::arange(2 * 3 * 32 * 32, (Kind::Float, Device::Cpu)).view([2, 3, 32, 32]);
    let ours = model.encode(&(x / 6144.0 - 0.5), false).unwrap().flatten(0, -1);
    let ours: Vec<f64> = Vec::try_from(ours.to_kind(Kind::Double)).unwrap();
    support::assert_close(&ours, &theirs, 1e-5, "features");
}
