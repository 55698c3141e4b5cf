"""nidl's tutorial from scratch, for benches/gpu.sh: trains, probes, prints one JSON line.

    train.py {simclr,dcl} BATCH --data DIR [--epochs 100] [--workers 4] [--limit N]
"""

import argparse
import json
import os
import pathlib
import sys
import time

import numpy as np
import torch
from nidl.estimators.ssl import DCL, SimCLR
from nidl.transforms import MultiViewsTransform
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, Subset

from stages import CONTRAST, SCALE, Images, cifar, encoder


class Views(Images):
    def __getitem__(self, i):
        return super().__getitem__(i)[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=["simclr", "dcl"])
    parser.add_argument("batch", type=int)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    # Libraries print to standard output, too; the result alone goes there.
    result = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    train, test = (cifar(options.data, split) for split in ("train", "test"))
    pixels, targets = (values[: options.limit] for values in train)
    views = Views(pixels, targets, MultiViewsTransform(CONTRAST, n_views=2))
    loader = DataLoader(views, options.batch, shuffle=True, num_workers=options.workers)
    kind = SimCLR if options.method == "simclr" else DCL
    model = kind(
        encoder=encoder(), proj_input_dim=128, proj_hidden_dim=128, proj_output_dim=128,
        temperature=0.07, optimizer="sgd", learning_rate=0.03 * options.batch / 256,
        weight_decay=5e-4, exclude_bias_and_norm_wd=True, lr_scheduler="warmup_cosine",
        max_epochs=options.epochs, random_state=42, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False)
    start = time.perf_counter()
    model.fit(loader)
    seconds = time.perf_counter() - start

    rng = np.random.default_rng(42)
    features = []
    for (pixels, targets), size, count in [(train, 50_000, 10_000), (test, 10_000, 5_000)]:
        subset = Subset(Images(pixels, targets, SCALE), rng.choice(size, count, replace=False).tolist())
        features.append([x.cpu() for x in model.transform_with_targets(DataLoader(subset, 256, num_workers=options.workers))])
    (xtr, ytr), (xte, yte) = features
    probe = LogisticRegression(solver="newton-cholesky", max_iter=500).fit(xtr, ytr)
    gpu_mb = torch.cuda.max_memory_allocated() // 2**20 if torch.cuda.is_available() else None
    print(json.dumps({"seconds": seconds, "linear_accuracy": probe.score(xte, yte), "gpu_mb": gpu_mb,
                      "images_per_second": len(views) * options.epochs / seconds}), file=result)


sys.exit(main())
