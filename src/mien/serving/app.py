"""`make_app`: the endpoints.  Nothing is kept or sent, and a request can name neither a file nor an address."""

import asyncio
import json
from collections.abc import Callable, Collection
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mien.core.errors import MienError
from mien.core.text import readable
from mien.runtime.selection import Selection
from mien.serving import schema
from mien.serving.desk import Desk
from mien.serving.gate import OPEN, Gate, answer_of
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.page import Page
from mien.serving.refusal import Refusal, busy, refusal_of
from mien.serving.scorer import Scorer

JSON = "application/json"
REFUSED = {
    400: "Malformed, cut off, or a wrong host",
    401: "No token, or a wrong one",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "A kind of body that is not read",
    422: "Not a picture, a damaged one, too many pixels or faces, or a wrong option",
    503: "Busy; try again",
    504: "Not done in time",
}
TELEMETRY = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
"""FastAPI's hooks for OpenTelemetry, all off: else environment variables could send elsewhere what is asked here."""


def make_app(
    scorer: Scorer,
    limits: Limits,
    *,
    threads: int,
    metrics: Metrics,
    token: str | None,
    hosts: Collection[str] = (),
    make_page: Callable[[], str],
) -> Gate:
    """Make the application.

    Args:
        scorer: answers.
        limits: how much is taken.
        threads: how many compute.
        metrics: counts the requests.
        token: what clients must know; None lets everybody in.
        hosts: see `Gate`.
        make_page: makes the HTML of the page.
    """
    desk = Desk(threads=threads, queue=limits.queue, timeout_s=limits.timeout_s)
    metrics.show_waiting(lambda: desk.waiting)
    app = FastAPI(
        title="mien",
        summary="Facial-expression recognition",
        version=version("mien"),
        docs_url=None,  # these two pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=TELEMETRY,  # type: ignore[arg-type]
        exception_handlers={
            HTTPException: _on_http_error,
            RequestValidationError: _on_wrong_option,
            Refusal: _on_refusal,
            MienError: _on_mien_error,
        },
    )
    _add_answers(app, scorer, desk, limits)
    _add_state(app, desk, metrics)
    _add_page(app, Page(make_page))
    paths = [route.path for route in app.routes]  # type: ignore[attr-defined]
    app.openapi = partial(_described, app, needs_token=token is not None)  # type: ignore[method-assign]
    return Gate(app, metrics, paths=paths, token=token, hosts=hosts, timeout_s=limits.timeout_s)


def _add_answers(app: FastAPI, scorer: Scorer, desk: Desk, limits: Limits) -> None:
    """Add what needs the network."""
    refused: Any = {status: {"model": schema.Error, "description": text} for status, text in REFUSED.items()}
    known: Any = {status: refused[status] for status in (400, 401, 422)}

    @app.post(
        "/v1/predict",
        summary="Find and classify the faces of one picture",
        response_model=schema.Faces,
        responses=refused,
        openapi_extra=_body("A picture file: JPEG, PNG, WebP, GIF, TIFF, …", "image/*", "application/octet-stream"),
    )
    async def predict(request: Request, options: Annotated[schema.Options, Query()]) -> Response:
        desk.require_place()  # before a body is read that could not be answered
        data = await _read(request, limits)
        selection = Selection(
            crops=options.crops,
            min_confidence=options.min_confidence,
            min_px=options.min_px,
            largest=options.largest,
        )
        work = partial(scorer.predict, data, selection=selection, align=options.align, explain=options.explain)
        return Response(await desk.run(work), media_type=JSON)

    @app.post(
        "/v1/faces",
        summary="Classify faces that are cut out already",
        response_model=schema.Faces,
        responses=refused,
        openapi_extra=_body(
            "N faces of 48×48 grey levels, 2,304 bytes each; or one PNG", "application/octet-stream", "image/png"
        ),
    )
    async def faces(request: Request) -> Response:
        _require_no_options(request)
        desk.require_place()
        data = await _read(request, limits)
        return Response(await desk.run(partial(scorer.faces, data)), media_type=JSON)

    @app.get(
        "/v1/model", summary="Which network answers, and what it can't do", response_model=schema.Card, responses=known
    )
    async def model(request: Request) -> Response:
        _require_no_options(request)
        return Response(scorer.card(), media_type=JSON)


def _add_state(app: FastAPI, desk: Desk, metrics: Metrics) -> None:
    """Add what tells how the service is."""

    @app.get("/healthz", summary="Whether the service runs", response_model=schema.Status)
    async def health() -> Response:
        return Response(b'{"status": "ok"}', media_type=JSON)

    @app.get(
        "/readyz",
        summary="Whether one more request would be answered",
        response_model=schema.Status,
        responses={503: {"model": schema.Error, "description": REFUSED[503]}},
    )
    async def ready() -> Response:
        if desk.is_full:
            raise busy("busy")
        return Response(b'{"status": "ready"}', media_type=JSON)

    @app.get(
        "/metrics",
        summary="Numbers for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, 401: {"model": schema.Error, "description": REFUSED[401]}},
    )
    async def numbers() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_page(app: FastAPI, page: Page) -> None:
    """Add the page; it is for people, so the schema is without it."""

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        return await page.answer(request.headers.get("if-none-match", ""))


def _require_no_options(request: Request) -> None:
    if request.scope["query_string"]:
        raise _no_option(next(iter(request.query_params), ""))


def _no_option(name: str) -> Refusal:
    known = ", ".join(schema.Options.model_fields)
    return Refusal(422, readable(f"no option '{name}' here; /v1/predict has {known}"))


async def _read(request: Request, limits: Limits) -> bytes:
    """Return a request's body.

    Raises:
        Refusal: too large, too slow, cut off, or of a kind that is not read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        raise Refusal(415, f"{kind} is not read; send the file alone as the body: curl --data-binary @photo.jpg")
    packing = request.headers.get("content-encoding", "identity").lower()
    if packing != "identity":
        raise Refusal(415, f"content-encoding {packing} is not read; send the file as it is")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_bytes:
        raise _too_large(limits)
    parts, length = [], 0
    try:
        async with asyncio.timeout(limits.timeout_s):
            async for part in request.stream():
                length += len(part)
                if length > limits.max_bytes:
                    raise _too_large(limits)
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {limits.timeout_s:g} s") from None
    except ClientDisconnect:
        raise Refusal(400, "the body was cut off") from None
    return b"".join(parts)


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"a body of more than {limits.max_bytes:,} bytes; send a smaller file")


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what FastAPI refuses: a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    path = readable(request.url.path)
    if error.status_code == 404:
        message = f"no such path: {path}; /openapi.json lists those there are"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"{request.method} {path} is not answered; use {allowed}"
    return answer_of(Refusal(error.status_code, message, error.headers))


async def _on_wrong_option(_request: Request, error: Exception) -> Response:
    """Answer a query with an option that there is not, or a value that it can't have."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = first["loc"][-1]
    if first["type"] == "extra_forbidden":
        return answer_of(_no_option(str(name)))
    said = first["msg"].removeprefix("Input ")
    return answer_of(Refusal(422, readable(f"{name} '{first['input']}': it {said}")))


async def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return answer_of(error)


async def _on_mien_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, MienError)
    return answer_of(refusal_of(error))


def _body(description: str, *kinds: str) -> dict[str, Any]:
    """Describe a body that FastAPI hands over unread."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {"requestBody": {"description": description, "required": True, "content": content}}


def _described(app: FastAPI, *, needs_token: bool) -> dict[str, Any]:
    """Return the schema, which is made once; with the token where one is needed."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    made = FastAPI.openapi(app)
    for path, methods in made["paths"].items():
        for operation in methods.values():
            operation["responses"].pop("422", None) if path in OPEN else None
            if needs_token and path not in OPEN:
                operation["security"] = [{"token": []}]
    if needs_token:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    app.openapi_schema = json.loads(json.dumps(made))
    return app.openapi_schema
