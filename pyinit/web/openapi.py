"""The OpenAPI 3.1 document of the API, made from the tables that the API itself is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyinit import __version__
from pyinit.web import problems, streams
from pyinit.web.operations import OPERATIONS, Field, Operation
from pyinit.web.schemas import SCHEMAS, reference

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object

ROOT = "/api/v1"
ABOUT = """What `pyinitctl` can do, for programs that speak HTTP.

Names are those of the command line: a program, `group:process`, `group:*`, a glob, or `all`.
Requests that wait are answered when it is done. Errors are problem details with `code`, `message`
and `fix`. A request of a browser must come from a page of this very host."""
LIMITS = (
    *("cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks"),
    *("sigpending", "msgqueue", "nice", "rtprio", "rttime"),
)
AMOUNT = "([0-9]{1,9}([KMG]B)?|unlimited)"
KINDS: dict[str, Object] = {
    "names": {"type": "array", "items": {"type": "string"}},
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "seconds": {"type": "number", "minimum": 0},
    "count": {"type": "integer", "minimum": 0},
    "integer": {"type": "integer"},
    "limits": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"enum": [*LIMITS]},
        "additionalProperties": {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 2**62 - 1},
                {"type": "string", "pattern": f"^({AMOUNT}|max)(:{AMOUNT})?$"},
            ]
        },
    },
}
PROBES = {
    "/livez": "Whether pyinit answers and nothing critical has failed",
    "/readyz": "Whether everything is up and traffic is welcome",
    "/startupz": "Whether everything was up for the first time",
}


def document(*, secured: bool) -> Object:
    """Return the document; `secured` is whether the door asks for a password."""
    paths: dict[str, Json] = {}
    for each in OPERATIONS:
        at = paths.setdefault(ROOT + each.path, {})
        assert isinstance(at, dict)
        at[each.method.lower()] = _operation(each)
    paths[ROOT + "/openapi.json"] = {"get": _own()}
    paths["/metrics"] = {"get": _prometheus()}
    paths.update({path: {"get": _probe(path, summary)} for path, summary in PROBES.items()})
    made: Object = {
        "openapi": "3.1.0",
        "info": {
            "title": "pyinit",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "responses": {"Problem": _problem()},
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }
    return {**made, "security": [{"basic": []}]} if secured else made


def _operation(each: Operation) -> Object:
    made: Object = {
        "operationId": each.id,
        "summary": each.summary,
        "x-access": each.level,
        "responses": {
            "200": _answer(each),
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if each.doc:
        made["description"] = each.doc
    parameters: list[Json] = []
    if each.named:
        parameters.append(
            {
                "name": "name",
                "in": "path",
                "required": True,
                "description": "a process, program, group or glob",
                "schema": {"type": "string", "minLength": 1},
            }
        )
    parameters += [_parameter(field) for field in each.query]
    if parameters:
        made["parameters"] = parameters
    if each.body:
        made["requestBody"] = _body(each.body)
    return made


def _answer(each: Operation) -> Object:
    content: Object = {"application/json": {"schema": reference(each.result)}}
    if each.follows:
        content[streams.KIND] = {"schema": _event(each), "x-event": reference(each.follows)}
    return {"description": each.summary, "content": content}


def _event(each: Operation) -> Object:
    """Return the schema of one event of a stream."""
    data: Object = {
        "type": "string",
        "description": f"a {each.follows}",
        "contentMediaType": "application/json",
        "contentSchema": reference(each.follows),
    }
    properties: Object = {"event": {"type": "string"}, "data": data}
    return {"type": "object", "required": ["event", "data"], "properties": properties}


def _parameter(field: Field) -> Object:
    made: Object = {
        "name": field.name,
        "in": "query",
        "description": field.doc,
        "required": field.needed,
        "schema": _schema(field),
    }
    return {**made, "explode": True} if field.kind == "names" else made


def _body(fields: tuple[Field, ...]) -> Object:
    needed: list[Json] = [field.name for field in fields if field.needed]
    properties: Object = {
        field.name: {**_schema(field), "description": field.doc} for field in fields
    }
    schema: Object = {
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }
    return {"required": bool(needed), "content": {"application/json": {"schema": schema}}}


def _schema(field: Field) -> Object:
    choices: list[Json] = list(field.choices)
    if choices:
        return {**KINDS[field.kind], "enum": choices}
    if field.kind == "text" and field.needed:
        return {**KINDS["text"], "minLength": 1}
    return KINDS[field.kind]


def _problem() -> Object:
    return {
        "description": "It was not, or not wholly, carried out",
        "content": {problems.KIND: {"schema": reference("Problem")}},
    }


def _own() -> Object:
    content: Object = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "getDocument",
        "summary": "This document",
        "x-access": "read",
        "responses": {
            "200": {"description": "This document", "content": content},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }


def _prometheus() -> Object:
    kinds = ("text/plain", "application/openmetrics-text")
    content: Object = {kind: {"schema": {"type": "string"}} for kind in kinds}
    return {
        "operationId": "scrape",
        "summary": "Numbers for Prometheus",
        "x-access": "read",
        "responses": {"200": {"description": "Samples", "content": content}, "default": _plain()},
    }


def _plain() -> Object:
    """Return the answer of what is no part of the API to a request that cannot be met."""
    return {
        "description": "Why not, in words",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }


def _probe(path: str, summary: str) -> Object:
    content: Object = {
        "text/plain": {"schema": {"type": "string"}},
        "application/json": {"schema": reference("Probe")},
    }
    return {
        "operationId": path.removeprefix("/"),
        "summary": summary,
        "description": "For everybody; what fails is told to those who may come in.",
        "security": [],
        "x-access": "none",
        "responses": {
            "200": {"description": "Yes", "content": content},
            "503": {"description": "No", "content": content},
            "default": _plain(),
        },
    }
