"""A learner's way to a Jupyter server: through a hub's login form, or straight to a server with a token."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx
import nbformat


class Refused(Exception):
    """An answer that a browser would show as an error."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class Server:
    """One learner's browser, without what it draws."""

    def __init__(self, address: str, name: str, password: str) -> None:
        parts = urlsplit(address)
        self.name, self.password = name, password
        self.token = parse_qs(parts.query).get("token", [""])[0]
        self.root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/", "", ""))
        # With a hub: that of this learner's server, known after the login.
        self.base, self.is_own = self.root, False
        self.http = self._client()

    def _client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        # A browser opens so many connections to one host, and waits as long.
        return httpx.AsyncClient(follow_redirects=True, timeout=300, headers=headers,
                                 limits=httpx.Limits(max_connections=6))

    async def close(self) -> None:
        await self.http.aclose()

    async def is_hub(self) -> bool:
        answer = await self.http.get(self.root + "hub/api/")
        return answer.status_code == 200 and "version" in answer.text

    async def enter(self) -> None:
        """Logs in where a hub asks for it, has the server started if it is not, and opens JupyterLab."""
        if await self.is_hub():
            await self._log_in()
        await self._open_lab()

    async def again(self) -> None:
        """A click on a page whose server is gone: the same login, the server started anew."""
        await self.http.aclose()
        cookies, self.http = self.http.cookies, self._client()
        self.http.cookies = cookies
        await self._open_lab()

    async def _open_lab(self) -> None:
        """Has the server started, if it is not, and the page loaded; again, while the hub finds out that a server is gone."""
        for pause in (0, 1, 2, 4, 8, 16):
            await asyncio.sleep(pause)
            try:
                if await self.is_hub():
                    await self._start()
                await self._ask("GET", self.base + "lab")
                return
            except httpx.HTTPError as error:
                last = error
            except Refused as error:
                if error.status < 500:
                    raise
                last = error
        raise last

    async def _log_in(self) -> None:
        login = self.root + "hub/login"
        await self._ask("GET", login)
        form = {"username": self.name, "password": self.password, "_xsrf": self.xsrf("hub/")}
        page = await self._ask("POST", login, data=form, params={"next": "/hub/home"})
        if page.url.path.endswith("/hub/login"):
            raise Refused(f"{self.name} cannot log in")

    async def _start(self) -> None:
        self.base, self.is_own = f"{self.root}user/{self.name}/", True
        page = await self._ask("GET", f"{self.root}hub/spawn/{self.name}")
        if "/hub/spawn-pending" in page.url.path:
            progress = f"{self.root}hub/api/users/{self.name}/server/progress"
            # As the page of the hub does, which waits for the last of these events.
            async with self.http.stream("GET", progress, params={"_xsrf": self.xsrf("hub/")}) as events:
                async for line in events.aiter_lines():
                    event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                    if event.get("failed"):
                        raise Refused(f"the server of {self.name} does not start: {event.get('message')}")
                    if event.get("ready"):
                        break

    def xsrf(self, path: str) -> str:
        """The value that forms and scripts below `path` have to repeat."""
        path = urlsplit(self.root).path + path
        return next((it.value for it in self.http.cookies.jar if it.name == "_xsrf" and it.path == path), "")

    async def _ask(self, method: str, address: str, **what) -> httpx.Response:
        answer = await self.http.request(method, address, **what)
        if answer.is_error:
            try:
                said = answer.json()["message"]
            except (ValueError, KeyError, TypeError):
                # A page, or nothing.
                said = ""
            raise Refused(f"{method} {urlsplit(address).path}: {answer.status_code} {answer.reason_phrase} {said}".rstrip(), answer.status_code)
        return answer

    async def call(self, method: str, path: str, body: dict | None = None) -> dict:
        """Calls the server's programming interface below `api/`."""
        headers = {"X-XSRFToken": self.xsrf(urlsplit(self.base).path.removeprefix(urlsplit(self.root).path))}
        answer = await self._ask(method, f"{self.base}api/{path}", json=body, headers=headers)
        return answer.json() if answer.content else {}

    async def read(self, path: str) -> nbformat.NotebookNode:
        """A notebook."""
        return nbformat.from_dict((await self.call("GET", f"contents/{path}?type=notebook&content=1"))["content"])

    async def save(self, path: str, notebook: nbformat.NotebookNode) -> None:
        await self.call("PUT", f"contents/{path}", {"type": "notebook", "format": "json", "content": notebook})

    def socket(self, path: str) -> tuple[str, dict[str, str]]:
        """Address and headers of a websocket below `api/`, as a browser would send them."""
        address = f"{self.base}api/{path}"
        parts = urlsplit(address)
        headers = dict(self.http.build_request("GET", address).headers)
        wanted = {name: value for name, value in headers.items() if name in ("cookie", "authorization")}
        wanted |= {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "websocket"}
        return "ws" + address.removeprefix("http"), wanted
