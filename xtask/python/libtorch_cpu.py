"""Takes from PyTorch's wheels what a program on a CPU needs: libtorch_cpu.py WHEELS TARGET

The wheel of PyTorch for Linux carries CUDA, most of whose libraries are never loaded on a machine
without a GPU. libtorch_cpu.so itself asks for libcudart and libcupti only, which come from two
small packages. The target appears whole or not at all.
"""

import os
import shutil
import sys
import zipfile
from pathlib import Path

LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}


def target_of(name: str) -> str | None:
    """Where a wheel's file goes, or None."""
    if name.startswith("torch/include/"):
        return name.removeprefix("torch/")
    base = name.rsplit("/", 1)[-1]
    return f"lib/{base}" if base in LIBRARIES and "/lib/" in f"/{name}" else None


def main(wheels: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                place = target_of(name)
                if place is None or name.endswith("/"):
                    continue
                path = part / place
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, path.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    missing = LIBRARIES - {path.name for path in (part / "lib").iterdir()}
    if missing:
        sys.exit(f"the wheels lack {', '.join(sorted(missing))}: is this Linux on x86-64?")
    # One library under the name that linkers ask for.
    (part / "lib" / "libtorch.so").symlink_to("libtorch_cpu.so")
    (part / "build-version").write_text("2.13.0\n")
    os.sync()
    part.rename(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
