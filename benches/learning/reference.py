"""Trains the small encoder with nidl as main.rs beside this file does: reference.py DATA_DIR {simclr,dcl} SEED

DATA_DIR holds CIFAR-10's binary batches. Made for nidl 0.0.2, torch 2.13.0, torchvision 0.28.0 and
scikit-learn 1.7. Prints one JSON line.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from nidl.estimators.ssl import DCL, SimCLR
from nidl.transforms import MultiViewsTransform
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
from stages import CONTRAST, SCALE, Images, cifar  # noqa: E402

EPOCHS = int(os.environ.get("EPOCHS", "10"))


class Block(nn.Module):
    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet8(nn.Module):
    """The small encoder of src/models/resnet.rs, initialised like torchvision's networks."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_size = 128
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layers = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.fc = nn.Linear(64, 128)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layers(torch.relu(self.bn1(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


def main() -> None:
    folder, method, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(1)
    x, y = cifar(folder, "train")
    test = slice(40_000, 50_000)
    chosen = np.random.default_rng(42).choice(40_000, 15_000, replace=False)
    train, probe = chosen[:10_000], chosen[10_000:]
    torch.manual_seed(seed)
    np.random.seed(seed)
    loader = DataLoader(Images(x[train], y[train], MultiViewsTransform(CONTRAST, n_views=2)), batch_size=32, shuffle=True)
    probe_loader = DataLoader(Images(x[probe], y[probe], SCALE), batch_size=256)
    test_loader = DataLoader(Images(x[test], y[test], SCALE), batch_size=256)
    with tempfile.TemporaryDirectory() as root:
        model = {"simclr": SimCLR, "dcl": DCL}[method](
            encoder=ResNet8(), proj_input_dim=128, proj_hidden_dim=128, proj_output_dim=128, temperature=0.07,
            optimizer="adamW", learning_rate=1e-3, lr_scheduler_kwargs={"warmup_epochs": 1}, random_state=seed,
            max_epochs=EPOCHS, default_root_dir=root, enable_checkpointing=False, enable_model_summary=False,
            enable_progress_bar=False, devices=1, accelerator="cpu", logger=False,
        )

        def accuracy() -> float:
            xtr, ytr = model.transform_with_targets(probe_loader)
            xte, yte = model.transform_with_targets(test_loader)
            fit = LogisticRegression(solver="newton-cholesky", tol=1e-6, max_iter=100).fit(np.asarray(xtr, np.float64), ytr)
            return float((fit.predict(np.asarray(xte, np.float64)) == np.asarray(yte)).mean())

        model.fitted_ = True
        untrained = accuracy()
        start = time.time()
        model.fit(loader)
        seconds = time.time() - start
        print(json.dumps({"side": "nidl", "method": method, "seed": seed, "untrained": untrained,
                          "accuracy": accuracy(), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
