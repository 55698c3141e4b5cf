"""A registry of crates on this machine, as cargo reads it from the network (a sparse index)."""

import contextlib
import hashlib
import http.server
import io
import json
import tarfile
import threading


class Registry:
    """Serves the crates that were published here until it is stopped; counts what it was asked.

    While `answers` is not set, whoever asks has to wait.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked += 1
                registry.answers.wait()
                body = registry.files.get(self.path)
                with contextlib.suppress(ConnectionError):
                    self.send_response(200 if body is not None else 404)
                    self.send_header("Content-Length", str(len(body or b"")))
                    self.end_headers()
                    self.wfile.write(body or b"")

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.files["/config.json"] = json.dumps({"dl": f"{self.address}/dl/{{crate}}-{{version}}"}).encode()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which cargo finds it under the name `near`."""
        return {"CARGO_REGISTRIES_NEAR_INDEX": f"sparse+{self.address}/"}

    def publish(self, name: str, version: str, code: str, features: list[str] | None = None,
                needs: dict[str, list[str]] | None = None) -> None:
        """A crate with `features`, that needs others at version 1, each with some of its features."""
        manifest = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2024"\n[features]\n'
        manifest += "".join(f"{feature} = []\n" for feature in features or [])
        manifest += "[dependencies]\n" + "".join(
            f'{other} = {{ version = "1", registry = "near", features = {json.dumps(wanted)} }}\n'
            for other, wanted in (needs or {}).items())
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in [("Cargo.toml", manifest), ("src/lib.rs", code)]:
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        self.files[f"/dl/{name}-{version}"] = packed.getvalue()
        dependencies = [{"name": other, "req": "^1", "features": wanted, "optional": False,
                         "default_features": True, "target": None, "kind": "normal"}
                        for other, wanted in (needs or {}).items()]
        line = json.dumps({"name": name, "vers": version, "deps": dependencies, "yanked": False,
                           "cksum": hashlib.sha256(packed.getvalue()).hexdigest(),
                           "features": {feature: [] for feature in features or []}})
        # Names of four letters or more.
        path = f"/{name[:2]}/{name[2:4]}/{name}"
        self.files[path] = self.files.get(path, b"") + line.encode() + b"\n"

    def stop(self) -> None:
        """From now on nobody is at its address."""
        self.answers.set()
        self.server.shutdown()
        self.server.server_close()
