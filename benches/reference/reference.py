"""The Python side of `cargo xtask bench --reference`: nidl, torchvision, scikit-learn and plain PyTorch.

    reference.py STAGE VARIANT --data DIR [--threads 2] [--workers 2] [--images N] [--batch B]
            [--checkpoint FILE] [--cifar DIR]
    reference.py data - --data DIR [--cifar DIR] [--features FILE.npz]   # writes what both sides read

Prints {"ready": true} once it is warm, then measures once for every line on
standard input: {"seconds": S, "items": N, "peak_mb": M, ...}. The Rust side,
main.rs, speaks the same protocol.
"""

import argparse
import json
import logging
import os
import pathlib
import sys
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

parser = argparse.ArgumentParser()
parser.add_argument("stage")
parser.add_argument("variant")
parser.add_argument("--data", required=True, type=pathlib.Path)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--images", type=int, default=1024)
parser.add_argument("--batch", type=int, default=256)
parser.add_argument("--checkpoint")
parser.add_argument("--cifar", type=pathlib.Path)
parser.add_argument("--features")
options = parser.parse_args()
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(options.threads)


def peak_mb():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024)


def main():
    import stages

    if options.stage == "data":
        print(json.dumps(stages.write_data(options)))
        return
    measure = getattr(stages, options.stage)(options)
    # Libraries print to standard output, too; the protocol keeps its own copy.
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": True}), file=protocol, flush=True)
    for _ in sys.stdin:
        result = measure()
        print(json.dumps({**result, "peak_mb": peak_mb()}), file=protocol, flush=True)


main()
