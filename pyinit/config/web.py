"""`[web]` becomes the plan of the gateway: its doors, and who may come in."""

from __future__ import annotations

from pyinit.config import paths, program, values
from pyinit.config.problems import ValueFault, each
from pyinit.config.program_probes import bindable
from pyinit.config.program_sockets import taken_by
from pyinit.core.plan_listen import Door, WebPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section
    from pyinit.config.users import Accounts
    from pyinit.core.plan_listen import SocketPlan

LOOPBACK = ("127.", "[::1]")
LISTEN_FIX = 'write "127.0.0.1:9001", "[::1]:9001" or "unix:/run/pyinit/web.sock"'
PASSWORD_BYTES = 4096
SHA1_DIGITS = 40
SALTED_BYTES = 33  # of SHA256, and one of salt at least


def build(section: Section, accounts: Accounts, sockets: tuple[SocketPlan, ...]) -> WebPlan:
    """Return the gateway that a table asks for, beside `sockets`.  Faults are noted in it."""
    base = paths.directory_of(paths.absolute(section.file))
    if not section.layers("listen"):
        section.fault("the gateway listens nowhere", f"{LISTEN_FIX} as listen")
    places = section.get("listen", lambda value: listeners(value, base), ())
    username, password = _credentials(section)
    uid, gid = section.get("owner", accounts.owner, (None, None))
    read_only = section.get("read_only", values.boolean, False)
    if not section.get("insecure", values.boolean, False) and not password:
        for place in [each for each in places if not is_loopback(each)]:
            text = f"listen: whoever reaches {place[4:]} would need no password"
            fix = "write username and password_file, 127.0.0.1 as host, or insecure = true"
            section.fault(text, fix, ("listen",), section.layers("listen")[0])
    for name in filter(None, [taken_by(place, sockets) for place in places]):
        text = f'listen: socket "{name}" is there already'
        where = section.layers("listen")[0]
        section.fault(text, "choose another place for one of them", ("listen",), where)
    mode = section.get("mode", values.mode, 0o600)
    cert, key = _file(section, "tls_cert"), _file(section, "tls_key")
    for one, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if section.layers(one) and not section.layers(other):
            section.fault(f"{one}: it needs {other}", "write both", (one,))
    return WebPlan(
        tuple([Door(place, mode, uid, gid, username, password, read_only) for place in places]),
        section.get("idle_exit", values.duration, WebPlan().idle_exit),
        rpc=section.get("rpc", values.boolean, True),
        tls_cert=cert,
        tls_key=key,
    )


def is_loopback(listen: str) -> bool:
    """Say whether only this machine can reach a listener of the plan."""
    return not listen.startswith("tcp:") or listen[4:].startswith(LOOPBACK)


def listeners(value: object, base: str) -> tuple[str, ...]:
    """Return where to listen as the plan says it; paths are relative to `base`."""
    found = each(enumerate(values.strings(value)), lambda _, one: _listener(str(one), base))
    places = tuple(found.values())
    if not places:
        raise ValueFault("the list is empty", LISTEN_FIX)
    for place in places:
        if places.count(place) > 1:
            raise ValueFault(f'"{place}" is there twice', "leave one out")
    return places


def _listener(text: str, base: str) -> str:
    if text.startswith("unix:"):
        path = text[5:].removeprefix("//")
        if not path.strip("/"):
            raise ValueFault(f'"{text}" names no socket', LISTEN_FIX)
        return f"unix:{bindable(paths.join(base, path))}"
    from pyinit.config.ini_values import address

    try:
        return f"tcp:{address(text.removeprefix('tcp:'))}"
    except ValueFault as fault:
        raise ValueFault(f'cannot listen at "{text}": {str(fault).strip()}', LISTEN_FIX) from None


def _credentials(section: Section) -> tuple[str, str]:
    username = section.get("username", _username, "")
    written = bool(section.layers("password"))
    from_file = bool(section.layers("password_file"))
    if written and from_file:
        section.fault("password and password_file: one is enough", "leave one out", ("password",))
    password = section.get("password", _password, "")
    if from_file:
        layer = section.layers("password_file")[0]
        base = program.directory_of(layer)
        password = section.get("password_file", lambda value: _read(value, base), "")
    if (written or from_file) != bool(section.layers("username")):
        missing = "username" if written or from_file else "password_file"
        section.fault(f"there is no {missing}", f"write {missing}, too: both or neither")
    return username, password


def _username(value: object) -> str:
    name = values.word(value)
    if ":" in name:
        raise ValueFault("a colon ends the name in what browsers send", "choose another name")
    return name


def _password(value: object) -> str:
    """Return a password as it is written; what is no text is refused without being shown."""
    if not isinstance(value, str) or not value:
        raise ValueFault("it must be a text that is not empty", "put it in quotes")
    if value.startswith("{SHA}"):
        digits = value[5:]
        if len(digits) != SHA1_DIGITS or not all(
            char in "0123456789abcdefABCDEF" for char in digits
        ):
            raise ValueFault("{SHA} needs 40 hexadecimal digits", "sha1sum prints them")
    if value.startswith("{SSHA256}") and not _is_salted(value[9:]):
        fix = "base64 of the SHA-256 of password and salt, and of the salt behind it"
        raise ValueFault("{SSHA256} cannot be read", fix)
    return value


def _is_salted(text: str) -> bool:
    from binascii import Error, a2b_base64

    try:
        return len(a2b_base64(text.encode("ascii"), strict_mode=True)) >= SALTED_BYTES
    except (Error, UnicodeEncodeError):
        return False


def _read(value: object, base: str) -> str:
    """Return the first line of the file that holds the password."""
    path = paths.join(base, values.word(value))
    try:
        with open(path, "rb") as file:
            data = file.read(PASSWORD_BYTES + 1)
    except OSError as error:
        raise ValueFault(
            f'cannot read "{path}": {error.strerror}', "see its path and mode"
        ) from None
    first, end, rest = data.partition(b"\n")
    if rest.strip() or len(data) > PASSWORD_BYTES:
        raise ValueFault(f'"{path}" has more than one line', "leave only the password in it")
    try:
        return _password(
            first.removesuffix(b"\r").decode("utf-8") if end else first.decode("utf-8")
        )
    except UnicodeDecodeError:
        raise ValueFault(f'"{path}" is not UTF-8', "write the password as UTF-8") from None


def _file(section: Section, key: str) -> str | None:
    if not section.layers(key):
        return None
    base = program.directory_of(section.layers(key)[0])

    def convert(value: object) -> str:
        path = paths.join(base, values.word(value))
        if not paths.status(path):
            raise ValueFault(f'there is no "{path}"', "see the path: it is that of a PEM file")
        return path

    return section.get(key, convert, None)
