"""The types of supervisord's options: what it takes, and what it says to the rest.

Every converter takes a text whose names are in place, and raises ValueFault: its text is
supervisord's, the fix is ours.
"""

from __future__ import annotations

from pyinit.config import values
from pyinit.config.ini_words import command_words, variable_tokens
from pyinit.config.problems import ValueFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.users import Account, Accounts

TRUE = frozenset(("yes", "true", "on", "1"))
FALSE = frozenset(("no", "false", "off", "0"))
UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
LEVELS = {
    "critical": "error",
    "error": "error",
    "warn": "warning",
    "info": "info",
    "debug": "debug",
    "trace": "debug",
    "blather": "debug",
}
POLICIES = dict.fromkeys(TRUE, "always") | dict.fromkeys(FALSE, "never")
POLICIES["unexpected"] = "on-failure"
MOST = 1 << 62


def boolean(text: str) -> bool:
    """Return true or false."""
    low = text.lower()
    if low in TRUE or low in FALSE:
        return low in TRUE
    raise ValueFault(f"not a valid boolean value: {text!r}", "write true or false")


def integer(text: str) -> int:
    """Return a whole number."""
    try:
        found = int(text)
    except ValueError as error:
        raise ValueFault(_short(str(error)), "write a whole number") from None
    if abs(found) >= MOST:
        raise ValueFault(f"the number {found} is too large", "write a smaller one")
    return found


def seconds(text: str) -> float:
    """Return a whole number of seconds; less than none is none."""
    return float(max(0, min(integer(text), int(values.LONGEST_S) - 1)))


def size(text: str) -> int:
    """Return bytes: a number, or one with KB, MB or GB."""
    low = text.lower()
    factor = UNITS.get(low[-2:], 0)
    digits = low[:-2] if factor else low
    try:
        found = int(digits) * (factor or 1)
    except ValueError as error:
        fix = 'write bytes, or "64KB", "50MB", "1GB" (there are no other units)'
        raise ValueFault(_short(str(error)), fix) from None
    if not 0 <= found < MOST:
        raise ValueFault(f"{text} is no size", "write a number of bytes from 0")
    return found


def octal(text: str) -> int:
    """Return a mode or mask."""
    try:
        found = int(text, 8)
    except ValueError:
        found = -1
    if not 0 <= found <= 0o7777:
        text = f"{text} can not be converted to an octal type"
        raise ValueFault(text, "write octal digits, such as 022 or 0700")
    return found


def signal(text: str) -> int:
    """Return the number of a signal."""
    name = text.strip()
    try:
        return values.signal(name)
    except ValueFault as fault:
        kind = "number" if name.lstrip("-").isdigit() else "name"
        raise ValueFault(f"value {text!r} is not a valid signal {kind}", fault.fix) from None


def exit_codes(text: str) -> tuple[int, ...]:
    """Return exit statuses; none for an empty text."""
    if not text:
        return ()
    try:
        found = tuple([int(part) for part in text.split(",")])
    except ValueError:
        found = (-1,)
    if any(not 0 <= code <= 255 for code in found):
        fix = "write numbers from 0 to 255 with commas between them"
        raise ValueFault(f"not a valid list of exit codes: {text!r}", fix)
    return found


def level(text: str) -> str:
    """Return how much pyinit says, in its own words."""
    if text.lower() in LEVELS:
        return LEVELS[text.lower()]
    raise ValueFault(f"bad logging level name {text!r}", f"write one of {', '.join(LEVELS)}")


def policy(text: str) -> str:
    """Return the restart policy that `autorestart` means."""
    if text.lower() in POLICIES:
        return POLICIES[text.lower()]
    fix = "write true, false or unexpected"
    raise ValueFault(f"invalid 'autorestart' value {text.lower()!r}", fix)


def name(text: str) -> str:
    """Return the name of a program, group or process."""
    found = text.strip()
    for char in found:
        if char in " :/" or not char.isprintable():
            text = f"Invalid name: {found!r} because of character: {char!r}"
            raise ValueFault(text, "a name has no space, colon or slash")
    if not found:
        raise ValueFault("Invalid name: ''", "a name has one character at least")
    return found


def words(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple([part.strip() for part in text.split(",")]) if text else ()


def command(text: str) -> tuple[str, ...]:
    """Return the words of a command, split as supervisord splits it (no shell runs)."""
    try:
        found = tuple(command_words(text))
    except ValueFault as error:
        fix = "close the quote; a ; or # behind a space begins a comment, inside quotes, too"
        raise ValueFault(f"can't parse command: {error}", fix) from None
    if not found:
        raise ValueFault("command is empty", "write command = /path argument")
    if any("\0" in word for word in found):
        raise ValueFault("command has a NUL character", "leave it out")
    return found


def environment(text: str) -> dict[str, str]:
    """Return variables of K="v",K2='v2',K3=v3.  Messages have names of variables, never values."""
    if not text:
        return {}
    fix = 'write NAME="value",OTHER="value": quote what has more than letters and digits'
    try:
        tokens = variable_tokens(text)
    except ValueFault as error:
        raise ValueFault(f"cannot read the variables: {error}", fix) from None
    found: dict[str, str] = {}
    for at in range(0, len(tokens), 4):
        three = tokens[at : at + 3]
        if len(three) != 3 or three[1] != "=":
            last = f" after {list(found)[-1]!r}" if found else ""
            raise ValueFault(f"Unexpected end of key/value pairs in value{last}", fix)
        found[three[0]] = three[2].strip("'\"")
    if any("\0" in key + value for key, value in found.items()):
        raise ValueFault("a variable has a NUL character", "leave it out")
    return found


def user(text: str, accounts: Accounts) -> Account:
    """Return an account by name or number; numbers need no entry."""
    try:
        return accounts.user(text)
    except ValueFault as fault:
        kind = "id" if text.strip().lstrip("-").isdigit() else "name"
        raise ValueFault(f"Invalid user {kind} {text}", fault.fix) from None


def owner(text: str, accounts: Accounts) -> tuple[int, int | None]:
    """Return (uid, gid) of "user" or "user:group"; without a group it stays as it is."""
    head, colon, tail = text.partition(":")
    try:
        return accounts.user(head).uid, accounts.group(tail) if colon else None
    except ValueFault as fault:
        raise ValueFault(f"Invalid user:group definition {text}", fault.fix) from None


def path(text: str, base: str) -> str:
    """Return a path from the root; ~ is a home directory."""
    import posixpath

    if "\0" in text:
        raise ValueFault("a path has no NUL character", "leave it out")
    return posixpath.normpath(posixpath.join(base, posixpath.expanduser(text.strip())))


def address(text: str) -> str:
    """Return HOST:PORT of "9001", ":9001", "*:9001", "host:9001", or "[::1]:9001"."""
    host, colon, digits = text.strip().rpartition(":")
    try:
        port = int(digits)
    except ValueError:
        fix = "write 127.0.0.1:9001, or 9001 alone for every interface"
        if colon and not digits:
            raise ValueFault("no port number specified in ''", fix) from None
        raise ValueFault(f"not a valid port number: {digits!r} ", fix) from None
    if not 1 <= port <= 0xFFFF:
        bound = "below lower bound (1)" if port < 1 else "above upper bound (65535)"
        raise ValueFault(f"{port} is {bound}", "a port goes from 1 to 65535")
    return f"{numeric(host.lower())}:{port}"


def numeric(host: str) -> str:
    """Return the address of a host: pyinit looks up no names once it runs."""
    if host in ("", "*"):
        return "0.0.0.0"  # noqa: S104  it is what supervisord means by it
    bare = host.removeprefix("[").removesuffix("]")
    if bare != host:
        return f"[{bare}]" if ":" in bare else bare
    if bare == "localhost":
        return "127.0.0.1"
    import _socket

    try:  # bytes: for text Python imports a codec that the image has not
        name = bare.encode("ascii")
        found = _socket.getaddrinfo(name, None, _socket.AF_INET, _socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = f"cannot find the address of {bare!r}: {getattr(error, 'strerror', error)}"
        raise ValueFault(text, "write a number such as 127.0.0.1") from None
    return str(found[0][4][0])


def _short(text: str) -> str:
    return text if len(text) < 200 else f"{text[:200]}..."
