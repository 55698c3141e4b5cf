"""Augmented views a second: torchvision in one process, in turn with this crate on one core.

    cargo bench --bench views --no-run      # prints the path of the program
    python benches/peer/views.py PROGRAM [ROUNDS]
Prints each round, and the median ratio. Both work on 32x32 RGB images in
memory; torchvision gets PIL images, as its CIFAR10 hands them out.
"""

import json
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T

torch.set_num_threads(1)
contrast = T.Compose([
    T.RandomResizedCrop(32),
    T.RandomHorizontalFlip(),
    T.RandomApply([T.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
    T.RandomGrayscale(0.2),
    T.GaussianBlur(9),
    T.ToTensor(),
    T.Normalize((0.5,), (0.5,)),
])
rng = np.random.default_rng(42)
images = [Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)) for _ in range(256)]


def torchvision_rate(seconds=3.0):
    start, views = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for image in images:
            contrast(image)
        views += len(images)
    return views / (time.perf_counter() - start)


program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
ratios = []
for number in range(rounds):
    theirs = torchvision_rate()
    ours = json.loads(subprocess.run([program, "3"], check=True, capture_output=True).stdout)
    ratios.append(ours["transform_views_per_second"] / theirs)
    print(json.dumps({"round": number, "torchvision": round(theirs), **ours, "ratio": round(ratios[-1], 1)}))
print(json.dumps({"median_ratio": round(statistics.median(ratios), 1), "min": round(min(ratios), 1), "max": round(max(ratios), 1)}))
