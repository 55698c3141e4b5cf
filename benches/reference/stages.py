"""What is measured on the Python side; each stage returns a function that measures once."""

import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision import transforms as T

SCALE = T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])
CONTRAST = T.Compose([
    T.RandomResizedCrop(32),
    T.RandomHorizontalFlip(),
    T.RandomApply([T.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
    T.RandomGrayscale(0.2),
    T.GaussianBlur(9),
    *SCALE.transforms,
])


def cifar(folder, split):
    """Pixels (N, 32, 32, 3) and targets of the binary records."""
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if split == "train" else ["test_batch.bin"]
    folder = folder / "cifar-10-batches-bin" if (folder / "cifar-10-batches-bin").is_dir() else folder
    records = np.concatenate([np.fromfile(folder / name, np.uint8) for name in names]).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0].astype(np.int64)


def write_data(options):
    """Images and a probe's problem, for both sides."""
    rng = np.random.default_rng(0)
    options.data.mkdir(parents=True, exist_ok=True)
    if options.cifar:
        pixels, targets = (values[:4096] for values in cifar(options.cifar, "test"))
    else:
        pixels, targets = rng.integers(0, 256, (4096, 32, 32, 3), dtype=np.uint8), np.arange(4096) % 10
    if options.features:
        features = np.load(options.features)
        x, y = features["xtr"].astype(np.float64), features["ytr"].astype(np.int64)
    else:
        # Classes that overlap, in directions whose deviations fall from 1 to 1/100.
        y = rng.integers(0, 10, 10_000)
        centres = rng.normal(size=(10, 128))
        spectrum = np.logspace(0, -2, 128)
        mixing = np.linalg.qr(rng.normal(size=(128, 128)))[0]
        x = ((rng.normal(size=(10_000, 128)) + 0.2 * centres[y]) * spectrum) @ mixing
    for name, values in [("images", pixels), ("targets", targets), ("probe_x", x), ("probe_y", y)]:
        np.save(options.data / f"{name}.npy", np.ascontiguousarray(values))
    return {"images": "CIFAR-10 test images" if options.cifar else "random pixels",
            "features": "of a checkpoint" if options.features else "drawn from overlapping classes"}


class Images(Dataset):
    """PIL images through a transform, as torchvision's CIFAR10 hands them out."""

    def __init__(self, pixels, targets, transform):
        self.pixels, self.targets, self.transform = pixels, targets, transform

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        return self.transform(Image.fromarray(self.pixels[i])), int(self.targets[i])


def load(options, transform):
    pixels, targets = (np.load(options.data / f"{name}.npy") for name in ("images", "targets"))
    return Images(pixels[: options.images], targets[: options.images], transform)


def encoder():
    network = models.resnet18(num_classes=128)
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network


def estimator(**extra):
    from nidl.estimators.ssl import DCL

    torch.manual_seed(0)
    return DCL(
        encoder=encoder(), proj_input_dim=128, proj_hidden_dim=128, proj_output_dim=128,
        temperature=0.07, optimizer="sgd", learning_rate=1e-3, lr_scheduler="none",
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, random_state=42, **extra)


def timed(function, items, repeats=1):
    def measure():
        start = time.perf_counter()
        for _ in range(repeats):
            function()
        return {"seconds": time.perf_counter() - start, "items": items * repeats}
    return measure


def views(options):
    """One process, or nidl's loader with workers, epoch after epoch."""
    torch.set_num_threads(1)
    if options.variant == "torchvision":
        images = load(options, lambda image: image)
        images = [images[i][0] for i in range(len(images))]
        return timed(lambda: [CONTRAST(image) for image in images], len(images))
    from nidl.transforms import MultiViewsTransform

    images = load(options, MultiViewsTransform(CONTRAST, n_views=2))
    loader = DataLoader(images, options.batch, shuffle=True, num_workers=options.workers)
    return timed(lambda: sum(1 for _ in loader), 2 * len(images))


def encode(options):
    """nidl's transform_with_targets, or PyTorch's fastest ways on a batch in memory."""
    torch.set_num_threads(options.threads)
    if options.variant == "nidl":
        images, model = load(options, SCALE), estimator()
        model.fitted_ = True
        loader = DataLoader(images, 256, num_workers=options.workers)
        warm_up = DataLoader(torch.utils.data.Subset(images, range(32)), 32)
        model.transform_with_targets(warm_up)
        return timed(lambda: model.transform_with_targets(loader), len(images))
    images = load(options, SCALE)
    x = torch.stack([images[i][0] for i in range(len(images))])
    network = encoder().eval()
    if options.variant == "torchscript":
        # Its own layouts: channels-first images come in.
        sizes, prepare = (32,), lambda size: torch.jit.optimize_for_inference(
            torch.jit.freeze(torch.jit.trace(network, x[:size])))
    else:
        from torch.fx.experimental.optimization import fuse
        x = x.to(memory_format=torch.channels_last)
        network = fuse(network).to(memory_format=torch.channels_last)
        sizes, prepare = (8, 16, 32, 64), lambda size: network

    def run(forward, size, x):
        with torch.inference_mode():
            return torch.cat([forward(part) for part in x.split(size)])

    best = None
    for size in sizes:
        forward = prepare(size)
        run(forward, size, x[:128])
        seconds = timed(lambda: run(forward, size, x[:256]), 1)()["seconds"]
        if best is None or seconds < best[0]:
            best = (seconds, forward, size)
    measure = timed(lambda: run(best[1], best[2], x), len(images))
    return lambda: {**measure(), "micro_batch": best[2]}


def step(options):
    """nidl's fit on two views in memory; only the steps after the first are timed."""
    from pytorch_lightning.callbacks import Callback

    torch.set_num_threads(options.threads)

    class Clock(Callback):
        seconds = 0.0

        def on_train_batch_start(self, *_):
            self.start = time.perf_counter()

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            if batch_idx > 0:
                self.seconds += time.perf_counter() - self.start

    clock = Clock()
    model = estimator(callbacks=[clock], max_epochs=1)
    steps = max(2, 96 // options.batch)
    torch.manual_seed(0)
    batch = [torch.randn(options.batch, 3, 32, 32) for _ in range(2)]
    batches = DataLoader([batch] * (1 + steps), batch_size=None)

    def measure():
        clock.seconds = 0.0
        model.fit(batches)
        return {"seconds": clock.seconds, "items": steps * options.batch}

    model.fit(DataLoader([[view[:8] for view in batch]], batch_size=None))
    return measure


def probe(options):
    """scikit-learn's newton-cholesky on the features that both sides read."""
    from sklearn.linear_model import LogisticRegression

    x, y = (np.load(options.data / f"probe_{name}.npy") for name in "xy")

    def objective(fitted):
        logits = x @ fitted.coef_.T + fitted.intercept_
        largest = logits.max(1, keepdims=True)
        losses = np.log(np.exp(logits - largest).sum(1)) + largest[:, 0] - logits[np.arange(len(y)), y]
        return losses.sum() + 0.5 * (fitted.coef_ ** 2).sum()

    def measure():
        start = time.perf_counter()
        fitted = LogisticRegression(solver="newton-cholesky", tol=1e-4).fit(x, y)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "items": 1, "objective": objective(fitted), "iterations": int(fitted.n_iter_[0])}

    # The optimum, for both.
    LogisticRegression(solver="newton-cholesky").fit(x[:200], y[:200])
    if options.variant == "optimum":
        fitted = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(x, y)
        return lambda: {"seconds": 0.0, "items": 1, "objective": objective(fitted)}
    return measure


def tutorial(options):
    """One of the tutorial's six models: checkpoint, 10,000 + 5,000 images, converged probe."""
    from sklearn.linear_model import LogisticRegression

    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(42)
    splits = []
    for split, size, count in [("train", 50_000, 10_000), ("test", 10_000, 5_000)]:
        chosen = rng.choice(size, count, replace=False)
        if options.cifar:
            pixels, targets = cifar(options.cifar, split)
        else:
            pixels, targets = (np.load(options.data / f"{name}.npy") for name in ("images", "targets"))
            chosen %= len(pixels)
        splits.append(torch.utils.data.Subset(Images(pixels, targets, SCALE), chosen.tolist()))
    loaders = [DataLoader(split, 256, num_workers=options.workers) for split in splits]
    warm_up = DataLoader(torch.utils.data.Subset(splits[0], range(32)), 32)

    def load_model():
        model = estimator()
        if options.checkpoint:
            state = torch.load(options.checkpoint, weights_only=False, map_location="cpu")["state_dict"]
            model.load_state_dict(state)
        model.fitted_ = True
        return model

    load_model().transform_with_targets(warm_up)

    def measure():
        start = time.perf_counter()
        model = load_model()
        (xtr, ytr), (xte, yte) = (model.transform_with_targets(loader) for loader in loaders)
        encoded = time.perf_counter()
        fitted = LogisticRegression(solver="newton-cholesky", max_iter=500).fit(xtr, ytr)
        accuracy = fitted.score(xte, yte)
        end = time.perf_counter()
        return {"seconds": end - start, "items": 15_000, "encode_seconds": encoded - start,
                "probe_seconds": end - encoded, "accuracy": accuracy}

    return measure


def loss(options):
    """nidl's DCL loss, forward and backward, on random embeddings."""
    from nidl.losses import DCLLoss

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    z = [torch.randn(options.batch, 128, requires_grad=True) for _ in range(2)]
    function = DCLLoss(temperature=0.07)

    def run():
        function(*z).backward()
        for view in z:
            view.grad = None

    return timed(run, 1)
