"""The way to a container engine: the one that the docker command would ask.

That is `--context`, else DOCKER_HOST, else DOCKER_CONTEXT, else the current context of the user's
configuration.  Whatever goes wrong is a NoSupervisor (nobody answers) or a Refused (the engine
says no), worded for people.
"""

from __future__ import annotations

import os
from urllib.parse import quote

import requests
import urllib3
from docker import DockerClient
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.utils.config import find_config_file

from pyinit.client import NoSupervisor
from pyinit.fleet.exec import Exec, failed_to_start
from pyinit.protocol.far_end import FAR_END, PIPE
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.protocol.wire import Json, Object

ANSWER_S = 10  # an engine that is well answers in milliseconds, one far away in a second
FAULTS = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
NOT_FOUND = 404
NO_CONFIG = (
    "Docker's SDK finds none without config.json beside them: `docker context use` writes it"
)


class Engine:
    """One engine that has answered; it may be used by several threads."""

    def __init__(self, context: str | None = None) -> None:
        self.context = _chosen(context)
        try:
            self._api = _client(self.context).api
            self.version = str(self._api.version()["Version"])
        except FAULTS as error:
            raise _unreachable(self.context, error) from None

    def close(self) -> None:
        """Hang up."""
        self._api.close()

    def containers(self, *, every: bool = False) -> list[Object]:
        """Return the running containers, or all, as the engine lists them."""
        return _objects(self._get("/containers/json", all=str(int(every))))

    def container(self, name: str) -> Object | None:
        """Return what the engine knows of one container, None if there is none of that name."""
        return _object(self._get(f"/containers/{quote(name, safe='')}/json"))

    def image(self, name: str) -> Object | None:
        """Return what the engine knows of an image, None if it does not have it."""
        return _object(self._get(f"/images/{quote(name, safe='')}/json"))

    def info(self) -> Object:
        """Return what the engine says of itself and of its swarm."""
        return _object(self._get("/info")) or {}

    def services(self) -> list[Object]:
        """Return the services of the swarm that the engine manages."""
        return _objects(self._get("/services"))

    def tasks(self) -> list[Object]:
        """Return the tasks that the swarm wants to be running."""
        return _objects(self._get("/tasks", filters='{"desired-state": ["running"]}'))

    def nodes(self) -> list[Object]:
        """Return the nodes of the swarm."""
        return _objects(self._get("/nodes"))

    def run(
        self,
        container: str,
        words: Sequence[str],
        far_end: str = PIPE,
        silence_s: float | None = None,
    ) -> Exec:
        """Start a program in a container, to be hung up by the caller.

        `far_end` is what our own stdout is; a program that says nothing for `silence_s` is late.
        """
        streams: Object = {f"Attach{name}": True for name in ("Stdin", "Stdout", "Stderr")}
        asked: Object = {**streams, "Cmd": list(words), "Env": [f"{FAR_END}={far_end}"]}
        made = self._post(f"/containers/{quote(container, safe='')}/exec", asked, ANSWER_S)
        number = str(made.json()["Id"])
        # Not by the SDK's exec_start: it has the connection upgraded, and what came together with
        # the head of the answer is then left behind in a buffer that nobody reads.
        begin: Object = {"Detach": False, "Tty": False}
        reply = self._post(f"/exec/{number}/start", begin, silence_s)
        return Exec(reply.raw, lambda: self._exit_code(number))

    def _exit_code(self, number: str) -> int | None:
        """Return how an exec has ended, None as long as it has not, or if nobody knows any more."""
        known = _object(self._get(f"/exec/{number}/json")) or {}
        code = known.get("ExitCode")
        return code if isinstance(code, int) and not known.get("Running") else None

    def _get(self, path: str, **asked: str) -> Json:
        """Return an answer of the engine, None if it knows no such thing."""
        try:
            reply = self._api.get(self._url(path), params=asked, timeout=ANSWER_S)
            if reply.status_code == NOT_FOUND:
                return None
            if reply.ok:
                found: Json = reply.json()
                return found
        except FAULTS as error:
            raise _silent(error) from None
        raise Refused("failed", f"the engine refused: {_message(reply)}")

    def _post(self, path: str, asked: Object, silence_s: float | None) -> requests.Response:
        try:
            reply = self._api.post(
                self._url(path), json=asked, stream=True, timeout=(ANSWER_S, silence_s)
            )
            if reply.ok:
                return reply
            message = _message(reply)
        except FAULTS as error:
            raise _silent(error) from None
        raise failed_to_start(message)

    def _url(self, path: str) -> str:
        return f"{self._api.base_url}/v{self._api.api_version}{path}"


def contexts() -> list[str]:
    """Return the names of the contexts of this user."""
    try:
        return sorted(str(each.name) for each in ContextAPI.contexts())
    except FAULTS:
        return ["default"]


def _chosen(context: str | None) -> str | None:
    """Return the context that counts, None where DOCKER_HOST counts.  Raises Refused."""
    if context is None and os.environ.get("DOCKER_HOST"):
        return None
    name = context or os.environ.get("DOCKER_CONTEXT")
    try:
        found = ContextAPI.get_context(name)
    except FAULTS as error:
        raise Refused("failed", f"cannot read the docker context: {error}") from None
    if found is None:
        fix = f"known: {', '.join(contexts())}" if find_config_file() else NO_CONFIG
        raise Refused("failed", f"no such docker context: '{name}'\n  {fix}")
    return str(found.name)


def _client(context: str | None) -> DockerClient:
    if context is None:
        return DockerClient.from_env(timeout=ANSWER_S, use_ssh_client=True)
    client: DockerClient = DockerClient.from_context(context, timeout=ANSWER_S, use_ssh_client=True)
    return client


def _unreachable(context: str | None, error: Exception) -> NoSupervisor | Refused:
    place = f"context '{context}'" if context else f"DOCKER_HOST '{os.environ['DOCKER_HOST']}'"
    if "PermissionError" in repr(error):
        text = f"access denied to the container engine of {place}"
        return Refused("denied", f"{text}\n  be root, or join the group docker")
    fix = "start it, or name another by --context or DOCKER_HOST"
    return NoSupervisor(f"no container engine answers for {place}: {_reason(error)}\n  {fix}")


def _reason(error: Exception) -> str:
    """Return the innermost reason: the SDK wraps what the kernel said three times."""
    inner: BaseException = error
    while (below := inner.__cause__ or inner.__context__) is not None:
        inner = below
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.lower()
    return str(inner) or type(inner).__name__


def _silent(error: Exception) -> NoSupervisor:
    return NoSupervisor(f"the container engine does not answer: {_reason(error)}")


def _message(reply: requests.Response) -> str:
    """Return what the engine says in an answer that is no success."""
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return reply.text.strip() or str(reply.reason)


def _object(value: Json) -> Object | None:
    return value if isinstance(value, dict) else None


def _objects(value: Json) -> list[Object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
