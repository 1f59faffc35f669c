"""XML-RPC as supervisorctl needs it: calls written, answers read.

The standard library's client brings http.client, email and TLS with it, several megabytes of an
image and half of the time a command takes; all that is needed here is this.  Answers come from a
server that may be anybody: entities are refused, as are answers that are deeper than any true one.
"""

from __future__ import annotations

from pyinit.applets.supervisorctl_server import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.applets.supervisorctl_server import Value

DEEPEST = 64  # elements in elements; multicalls of structs of arrays have a dozen
SCALARS = frozenset(
    ("int", "i4", "i8", "boolean", "double", "string", "dateTime.iso8601", "base64", "nil")
)


class NotUnderstood(Exception):
    """What came is no answer of XML-RPC."""

    KIND = "<class 'xml.parsers.expat.ExpatError'>"


def call(method: str, params: tuple[Value, ...]) -> bytes:
    """Return the document of a call."""
    written = "".join([f"<param><value>{_written(each)}</value></param>" for each in params])
    text = (
        "<?xml version='1.0'?>\n<methodCall>"
        f"<methodName>{_escaped(method)}</methodName><params>{written}</params></methodCall>"
    )
    return text.encode("utf-8", "xmlcharrefreplace")


def answer(document: bytes) -> Value:
    """Return the value in the document of an answer.  Raises Fault, NotUnderstood."""
    from xml.parsers import expat

    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entity
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise NotUnderstood(str(error)) from None
    return reader.result()


def _refuse_entity(*_: object) -> None:
    raise NotUnderstood("it declares entities")


def _written(value: Value) -> str:
    match value:
        case bool():
            return f"<boolean>{value:d}</boolean>"
        case int():
            return f"<int>{value}</int>"
        case float():
            return f"<double>{value!r}</double>"
        case list():
            items = "".join([f"<value>{_written(each)}</value>" for each in value])
            return f"<array><data>{items}</data></array>"
        case dict():
            members = [
                f"<member><name>{_escaped(name)}</name><value>{_written(each)}</value></member>"
                for name, each in value.items()
            ]
            return f"<struct>{''.join(members)}</struct>"
        case _:
            return f"<string>{_escaped(str(value))}</string>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Reader:
    """Builds values from the elements of an answer."""

    def __init__(self) -> None:
        self._fault = False
        self._depth = 0
        self._text: list[str] = []
        self._values: list[Value] = []  # finished, not yet taken by what they are in
        self._marks: list[int] = []  # where the values of the arrays and structs begin
        self._typed: list[bool] = [False]  # whether a <value> has met an element inside

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotUnderstood("it is too deep")
        self._text = []
        if tag == "fault":
            self._fault = True
        elif tag == "value":
            self._typed.append(False)
        elif tag in SCALARS or tag in ("array", "struct"):
            self._typed[-1] = True
        if tag in ("array", "struct"):
            self._marks.append(len(self._values))

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:
        self._depth -= 1
        text, self._text = "".join(self._text), []
        if tag == "value":
            if not self._typed.pop():
                self._values.append(text)
        elif tag == "name":
            self._values.append(text)
        elif tag in SCALARS:
            self._values.append(_scalar(tag, text))
        elif tag in ("array", "struct"):
            mark = self._marks.pop()
            inside, self._values = self._values[mark:], self._values[:mark]
            self._values.append(inside if tag == "array" else _struct(inside))

    def result(self) -> Value:
        if len(self._values) != 1:
            raise NotUnderstood(f"it has {len(self._values)} values")
        value = self._values[0]
        if not self._fault:
            return value
        if not isinstance(value, dict):
            raise NotUnderstood("its fault has no struct")
        code, text = value.get("faultCode"), value.get("faultString")
        raise Fault(code if isinstance(code, int) else 0, str(text))


def _scalar(tag: str, text: str) -> Value:
    try:
        match tag:
            case "int" | "i4" | "i8":
                return int(text)
            case "boolean":
                return text.strip() == "1"
            case "double":
                return float(text)
            case _:
                return text
    except ValueError:
        raise NotUnderstood(f"it has a {tag} {text[:40]!r}") from None


def _struct(inside: list[Value]) -> Value:
    if len(inside) % 2:
        raise NotUnderstood("it has a member without a name or a value")
    return {str(inside[at]): inside[at + 1] for at in range(0, len(inside), 2)}
