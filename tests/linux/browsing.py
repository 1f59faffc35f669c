"""A real browser for tests: headless chromium, driven by the DevTools protocol over two pipes.

    with Browser() as browser:
        page = browser.open("http://127.0.0.1:9001/", user="admin", password="secret")
        page.until("document.querySelector('#live').textContent === 'live'")
        page.click("button.restart")
        assert page.faults == []

Nothing but the standard library is needed: `--remote-debugging-pipe` speaks JSON with zero bytes
in between on descriptors 3 and 4.  `page.faults` has every error of a script, every complaint on
the console, every request that failed and everything that the content security policy refused.
"""

import base64
import contextlib
import html
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

WITHIN_S = 60.0
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
    "--no-startup-window",
)
KEYS = {
    "Tab": ("Tab", 9, "\t"),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
}


def chromium():
    """Return the path of the browser; skips without one (scripts/setup.sh installs it)."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no chromium here: run scripts/setup.sh test")


class Browser:
    """A browser with a profile of its own; `close` ends it and everything it has started."""

    def __init__(self):
        self.profile = Path(tempfile.mkdtemp(prefix="pyinit-browser-"))
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        wiring = f"exec 3<&{theirs_in} 4>&{theirs_out}; exec {chromium()} {' '.join(FLAGS)}"
        self._log = (self.profile / "log").open("wb")
        self.process = subprocess.Popen(
            ["bash", "-c", f"{wiring} --user-data-dir={self.profile}/data"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer = b""
        self._number = 0
        self._answers = {}
        self._pages = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        os.close(self._to)
        os.close(self._from)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self._log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, params=None, session=None):
        """Carry out one command of the protocol and return its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        self._send(json.dumps(message).encode() + b"\0")
        until = time.monotonic() + WITHIN_S
        while number not in self._answers:
            self.listen(until - time.monotonic())
            assert time.monotonic() < until, f"{method}: no answer"
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def listen(self, within_s):
        """Take what the browser says within that time, if anything."""
        ready, _, _ = select.select([self._from], [], [], max(0.0, within_s))
        if not ready:
            return
        data = os.read(self._from, 1 << 16)
        assert data, f"the browser has ended:\n{(self.profile / 'log').read_text()[-2000:]}"
        *messages, self._buffer = (self._buffer + data).split(b"\0")
        for message in messages:
            self._take(json.loads(message))

    def open(self, address="about:blank", **options):
        """Return a new tab at an address, as Page has it."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call(
            "Target.createTarget", {"url": "about:blank", "browserContextId": context}
        )["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})[
            "sessionId"
        ]
        page = self._pages[session] = Page(self, session, target, **options)
        page.begin()
        if address != "about:blank":
            page.go(address)
        return page

    def _send(self, data):
        while data:
            data = data[os.write(self._to, data) :]

    def _take(self, message):
        if "id" in message:
            self._answers[message["id"]] = message
        elif message.get("sessionId") in self._pages:
            self._pages[message["sessionId"]].hear(message["method"], message["params"])


class Page:
    """One tab.  `user` and `password` are given to whoever asks for them."""

    def __init__(
        self,
        browser,
        session,
        target,
        *,
        user="",
        password="",
        width=1280,
        height=800,
        dark=False,
        scripts=True,
        touch=False,
    ):
        self._browser = browser
        self._session = session
        self._target = target
        self._key = (user, password)
        self._size = (width, height, touch)
        self._dark = dark
        self._scripts = scripts
        self.faults = []
        self.dialogs = []
        self.requests = []
        self._loads = 0
        self._paused = []

    def begin(self):
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        width, height, touch = self._size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})
        if not self._scripts:
            self.call("Emulation.setScriptExecutionDisabled", {"value": True})
        if self._key[0]:
            self.call("Fetch.enable", {"handleAuthRequests": True})

    def call(self, method, params=None):
        return self._browser.call(method, params, self._session)

    def hear(self, method, params):
        """Take note of an event; what has to be answered is answered by `_answer`."""
        match method:
            case "Runtime.exceptionThrown":
                self.faults.append(("exception", params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.faults.append(("console", params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.faults.append(("log", params["entry"]))
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])
                self._paused.append(("Page.handleJavaScriptDialog", {"accept": False}))
            case "Page.loadEventFired":
                self._loads += 1
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Fetch.requestPaused":
                self._paused.append(("Fetch.continueRequest", {"requestId": params["requestId"]}))
            case "Fetch.authRequired":
                user, password = self._key
                answer = {"response": "ProvideCredentials", "username": user, "password": password}
                given = {"requestId": params["requestId"], "authChallengeResponse": answer}
                self._paused.append(("Fetch.continueWithAuth", given))

    def wait(self, check, within_s=WITHIN_S):
        """Return the first truthy value of `check()`, listening to the browser meanwhile."""
        until = time.monotonic() + within_s
        while True:
            self._answer()
            value = check()
            if value:
                return value
            assert time.monotonic() < until, f"still {value!r} after {within_s} s"
            self._browser.listen(0.05)

    def go(self, address):
        """Load an address, and wait until it is there."""
        before = self._loads
        self._browser._number += 1
        message = {
            "id": self._browser._number,
            "method": "Page.navigate",
            "params": {"url": address},
            "sessionId": self._session,
        }
        self._browser._send(json.dumps(message).encode() + b"\0")  # it may wait for our key
        self.wait(lambda: self._loads > before)

    def does_load(self, act):
        """Carry out something that leads to another page, and wait for that."""
        before = self._loads
        act()
        self.wait(lambda: self._loads > before)

    def ask(self, script):
        """Return the value of an expression in the page."""
        self._answer()
        told = self.call(
            "Runtime.evaluate",
            {"expression": script, "returnByValue": True, "awaitPromise": True},
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, script, within_s=WITHIN_S):
        """Wait until an expression is true in the page; return its value."""
        try:
            return self.wait(lambda: self.ask(script), within_s)
        except AssertionError as error:
            body = self.ask("document.body.innerText")
            raise AssertionError(f"{script}: {error}\n{body[:3000]}") from None

    def click(self, selector):
        """Press the mouse on the middle of an element that can be seen."""
        self.ask(
            f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})"
        )
        box = self.ask(
            "(() => { const b = document.querySelector("
            + json.dumps(selector)
            + ").getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.width]; })()"
        )
        assert box[2] > 0, f"{selector} cannot be seen"
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                {"type": kind, "x": box[0], "y": box[1], "button": "left", "clickCount": 1},
            )

    def press(self, key):
        """Press a key: a character, or one of KEYS."""
        name, code, text = KEYS.get(key, (key, ord(key[0].upper()), key))
        given = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **given})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **given})

    def type(self, text):
        self.call("Input.insertText", {"text": text})

    def text(self, selector):
        """Return the text of an element, also where the page may run no script."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        markup = self.call("DOM.getOuterHTML", {"nodeId": node})["outerHTML"]
        return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()

    def close(self):
        """Close the tab: its streams end."""
        self._browser.call("Target.closeTarget", {"targetId": self._target})

    def settle(self):
        """Take what the browser has still to say."""
        self.call("Runtime.evaluate", {"expression": "1"})
        self._answer()

    def tree(self):
        """Return (role, name) of everything that a screen reader is told of."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored")
        ]

    def picture(self, path, *, whole=False):
        """Write a screenshot."""
        more = {"captureBeyondViewport": True} if whole else {}
        data = self.call("Page.captureScreenshot", {"format": "png", **more})["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def _answer(self):
        paused, self._paused = self._paused, []
        for method, params in paused:
            self.call(method, params)
