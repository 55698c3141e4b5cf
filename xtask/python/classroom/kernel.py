"""A kernel, over the websocket that JupyterLab uses."""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from .server import Refused, Server


@dataclass
class Outcome:
    """What became of a cell."""

    status: str
    # Until the first output, and until the reply.
    first: float | None
    seconds: float
    text: str = ""
    error: str = ""
    outputs: list = field(default_factory=list)


class Kernel:
    """A notebook's kernel and the connection to it."""

    def __init__(self, server: Server, session: dict) -> None:
        self.server, self.id = server, session["kernel"]["id"]
        self.session = uuid.uuid4().hex
        self.socket: WebSocketClientConnection | None = None

    @classmethod
    async def start(cls, server: Server, path: str, name: str) -> "Kernel":
        """Opens a notebook's session, which starts a kernel or finds the one that runs, and waits until it answers."""
        about = {"path": path, "type": "notebook", "name": path.rsplit("/", 1)[-1], "kernel": {"name": name}}
        kernel = cls(server, await server.call("POST", "sessions", about))
        await kernel.connect()
        message = await kernel.send("shell", "kernel_info_request", {})
        while (await kernel.receive(message))["msg_type"] != "kernel_info_reply":
            pass
        return kernel

    async def connect(self) -> None:
        address, headers = self.server.socket(f"kernels/{self.id}/channels?session_id={self.session}")
        self.socket = await websocket_connect(HTTPRequest(address, headers=headers, connect_timeout=60))

    def close(self) -> None:
        if self.socket:
            self.socket.close()

    async def send(self, channel: str, kind: str, content: dict) -> str:
        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "msg_type": kind, "session": self.session, "username": self.server.name,
                  "version": "5.3", "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        message = {"channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}
        await self.socket.write_message(json.dumps(message))
        return identity

    async def receive(self, parent: str) -> dict:
        """The next message that answers `parent`."""
        while True:
            text = await self.socket.read_message()
            if text is None:
                raise Refused("the connection to the kernel ended")
            message = json.loads(text)
            if message["msg_type"] == "status" and message["content"]["execution_state"] in ("restarting", "dead"):
                raise Refused(f"the kernel is {message['content']['execution_state']}")
            if message["parent_header"].get("msg_id") == parent:
                return message

    async def execute(self, code: str, limit: float, interrupt_after: float | None = None) -> Outcome:
        """Runs a cell, interrupts it if wanted so long after its first output, and waits for its reply and its last output."""
        begin = time.monotonic()
        parent = await self.send("shell", "execute_request", {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": True})
        running = asyncio.Event()
        stopper = None if interrupt_after is None else asyncio.create_task(self._interrupt(running, interrupt_after))
        try:
            return await asyncio.wait_for(self._follow(parent, begin, running), limit)
        except asyncio.TimeoutError:
            raise Refused(f"no reply within {limit:.0f} s: {code.strip().splitlines()[0][:60]}") from None
        finally:
            if stopper:
                running.set()
                await stopper

    async def _interrupt(self, running: asyncio.Event, seconds: float) -> None:
        # Not while it is compiled.
        await running.wait()
        await asyncio.sleep(seconds)
        await self.server.call("POST", f"kernels/{self.id}/interrupt", {})

    async def _follow(self, parent: str, begin: float, running: asyncio.Event) -> Outcome:
        outcome, reply, idle = Outcome("", None, 0.0), None, False
        while reply is None or not idle:
            message = await self.receive(parent)
            kind, content = message["msg_type"], message["content"]
            if kind == "execute_reply":
                reply, outcome.seconds = content, time.monotonic() - begin
            elif kind == "status":
                idle = content["execution_state"] == "idle"
            elif kind in ("stream", "execute_result", "display_data", "error"):
                if outcome.first is None:
                    outcome.first = time.monotonic() - begin
                    running.set()
                outcome.outputs.append({"output_type": kind, **content})
                outcome.text += content.get("text", "") or content.get("data", {}).get("text/plain", "")
        outcome.status = reply["status"]
        outcome.error = f"{reply.get('ename', '')}: {reply.get('evalue', '')}" if outcome.status != "ok" else ""
        return outcome
