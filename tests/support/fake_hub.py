"""Serves a fake of CIFAR-10's site and of the model hub: fake_hub.py FOLDER [CHECKPOINT ARCHIVE]

Without CHECKPOINT and ARCHIVE both are made from formulas, with the standard library alone: a small
archive in the official layout, and one Lightning-like checkpoint of the CIFAR ResNet-18 that is
served under every name. The first line of the output is the server's address.
"""

import hashlib
import io
import math
import os
import pickle
import sys
import tarfile
import threading
import time
import types
import zipfile
from array import array
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RECORDS = 400
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def batch(number: int) -> bytes:
    """Records whose brightness, colour and stripes depend on their label."""
    records = bytearray()
    for i in range(RECORDS):
        label = (i * 7 + number) % 10
        records.append(label)
        for channel in range(3):
            base = 40 + 17 * label if channel == label % 3 else 90
            for y in range(32):
                for x in range(32):
                    stripes = 25 * ((x * (label + 1) + y * (channel + 1) + i) // 8 % 2)
                    records.append((base + stripes + (x * y + i * 13 + number) % 23) % 256)
    return bytes(records)


def make_archive(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        contents = [(name, batch(i)) for i, name in enumerate(names)]
        contents.append(("batches.meta.txt", ("\n".join(CLASSES) + "\n").encode()))
        for name, content in contents:
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def parameters() -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the CIFAR ResNet-18 and the projection head."""
    entries: list[tuple[str, tuple[int, ...]]] = []

    def norm(name: str, width: int) -> None:
        entries.extend((f"{name}.{part}", (width,)) for part in ("weight", "bias", "running_mean", "running_var"))

    entries.append(("encoder.conv1.weight", (64, 3, 3, 3)))
    norm("encoder.bn1", 64)
    before = 64
    for layer, width in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name = f"encoder.layer{layer}.{block}"
            entries.append((f"{name}.conv1.weight", (width, before, 3, 3)))
            norm(f"{name}.bn1", width)
            entries.append((f"{name}.conv2.weight", (width, width, 3, 3)))
            norm(f"{name}.bn2", width)
            if before != width:
                entries.append((f"{name}.downsample.0.weight", (width, before, 1, 1)))
                norm(f"{name}.downsample.1", width)
            before = width
    entries += [("encoder.fc.weight", (128, 512)), ("encoder.fc.bias", (128,))]
    for layer in (0, 2):
        entries += [(f"projection_head.layers.{layer}.weight", (128, 128)),
                    (f"projection_head.layers.{layer}.bias", (128,))]
    return entries


def values(name: str, shape: tuple[int, ...], seed: int) -> array:
    """float32 numbers: 1 for variances and scales, small ones for biases, spread ones for weights."""
    count = math.prod(shape)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        return array("f", [1.0]) * count
    if len(shape) == 1:
        return array("f", [0.0]) * count
    scale = math.sqrt(6.0 / math.prod(shape[1:]))
    state = (seed * 2654435761 + 12345) & 0xFFFFFFFF
    numbers = array("f", bytes(4 * count))
    for i in range(count):
        state = (1664525 * state + 1013904223) & 0xFFFFFFFF
        numbers[i] = scale * (state / 2147483648.0 - 1.0)
    return numbers


def make_checkpoint(path: Path) -> None:
    """PyTorch's zip of a pickle, written without PyTorch."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    class FloatStorage:
        __module__ = "torch"
        __qualname__ = "FloatStorage"

    def _rebuild_tensor_v2(*_):
        raise NotImplementedError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
    sys.modules.update({"torch": torch, "torch._utils": utils})

    class Storage:
        def __init__(self, key: str, count: int) -> None:
            self.key, self.count = key, count

    class Tensor:
        def __init__(self, key: str, shape: tuple[int, ...]) -> None:
            self.key, self.shape = key, shape

        def __reduce__(self):
            strides = tuple(math.prod(self.shape[i + 1:]) for i in range(len(self.shape)))
            storage = Storage(self.key, math.prod(self.shape))
            return _rebuild_tensor_v2, (storage, 0, self.shape, strides, False, OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return "storage", FloatStorage, value.key, "cpu", value.count
            return None

    entries = parameters()
    state = OrderedDict((name, Tensor(str(i), shape)) for i, (name, shape) in enumerate(entries))
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump({"epoch": 0, "state_dict": state, "hyper_parameters": {}})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        archive.writestr("archive/byteorder", "little")
        for i, (name, shape) in enumerate(entries):
            archive.writestr(f"archive/data/{i}", values(name, shape, i).tobytes())
        archive.writestr("archive/version", "3\n")


def handler(archive: Path, checkpoint: Path):
    etag = hashlib.sha256(checkpoint.read_bytes()).hexdigest()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path.endswith("/cifar-10-binary.tar.gz"):
                self.reply(archive.read_bytes(), {})
            elif path.endswith(".ckpt") and "/resolve/" in path:
                self.reply(checkpoint.read_bytes(), {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})
            else:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

        do_HEAD = do_GET

        def reply(self, content: bytes, headers: dict[str, str]) -> None:
            total, first, last = len(content), 0, len(content) - 1
            asked = self.headers.get("Range")
            if asked:
                begin, _, end = asked.removeprefix("bytes=").partition("-")
                first, last = int(begin), min(int(end) if end else last, last)
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{total}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last - first + 1))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[first:last + 1])

        def log_message(self, *_) -> None:
            pass

    return Handler


def end_with(parent: int) -> None:
    """Ends this program when the one that has started it is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main(folder: Path, checkpoint: Path | None, archive: Path | None) -> None:
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    folder.mkdir(parents=True, exist_ok=True)
    if checkpoint is None or archive is None:
        archive, checkpoint = folder / "cifar-10-binary.tar.gz", folder / "generated.ckpt"
        if not archive.exists():
            make_archive(archive)
        if not checkpoint.exists():
            make_checkpoint(checkpoint)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(archive, checkpoint))
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    rest = [Path(argument) for argument in sys.argv[2:4]]
    main(Path(sys.argv[1]), *(rest if len(rest) == 2 else (None, None)))
