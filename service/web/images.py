"""Our engines for other programs, by the protocol of OpenAI's Images API: another Frontispiece, Open WebUI, a script.

https://platform.openai.com/docs/api-reference/images. All of it needs the owner's token, as a bearer's. Pictures are
answered as base64; ``seed`` and ``negative_prompt`` are ours besides, as other local servers have them, and so are
``subject`` and ``company``.
"""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from service.engines.references import taken
from service.errors import Busy, EngineError, NotNow, Refused, SubjectError
from service.model import Picture
from service.studio import Order, Studio

from . import caching, uploads
from .actions import TOKEN
from .door import Here
from .guard import NO_TOKEN

FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"description": "It cannot be painted so; `error.message` says why"},
    401: {"description": "No token, or a wrong one"},
    404: {"description": "There is no such engine or subject"},
    429: {"description": "Too many pictures are waited for; `Retry-After` says when to ask again"},
    502: {"description": "The engine failed"},
    503: {"description": "The engine may not paint now: something else has the GPU, or the service stops; as for 429"},
}
router = APIRouter(prefix="/v1", tags=["images"], responses=FAILURES, dependencies=TOKEN)

PAUSES_S = {429: 30, 503: 60}  #: after which to ask again, where an engine has too much to do
LEAST_PX, MOST_PX, MOST_AREA_PX = 64, 4096, 8_294_400  #: a side; a picture
MOST = 4  #: pictures at once


class Painting(BaseModel):
    """What is asked for. What we do not know of the protocol is passed over."""

    model_config = ConfigDict(extra="ignore")

    prompt: str = Field(min_length=1, max_length=32_000)
    model: str = Field("", max_length=100, description="An engine's name in config.toml; left out: the first one")
    n: int = Field(1, ge=1, le=MOST)
    size: str = Field("auto", max_length=20, description='Such as "1024x608"; "auto": 1024x1024')
    response_format: Literal["b64_json", "url"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    seed: int | None = Field(None, ge=0, le=2**32 - 1)
    negative_prompt: str = Field("", max_length=4000)
    subject: str = Field("", max_length=40, description="Somebody of this home, by name, who is in the picture")
    company: str = Field("", max_length=40, description="Somebody else of this home beside them, by name")


def _form() -> dict[str, Any]:
    """What is asked for beside pictures, as OpenAPI describes a form (3.1, "Special Considerations for multipart")."""
    fields = Painting.model_json_schema()
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": uploads.MOST_FILES}
    fields["properties"] |= {"image": files}
    fields["required"] += ["image"]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": fields}}}}


class Refusal(Exception):
    """Why a request is not met, as the protocol says it."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.status, self.error = status, {"message": message, "type": kind, "param": param, "code": code or None}


@router.get("/models")
def models(door: Here) -> JSONResponse:
    """The engines."""
    if not door.owner:
        return failed(401, NO_TOKEN)
    names = door.studio.engines if door.studio else []
    return _answer({"object": "list", "data": [_model(name) for name in names]})


@router.post("/images/generations")
def generations(wanted: Painting, door: Here) -> JSONResponse:
    """Paint from words."""
    return _met(lambda: _painted(door.studio, wanted))


@router.post("/images/edits", openapi_extra=_form())
async def edits(request: Request, door: Here) -> JSONResponse:
    """Paint from words and up to four pictures, which are sent as ``image`` or ``image[]`` and kept nowhere."""
    try:
        form = await uploads.sent(request)
        wanted = Painting.model_validate(form.fields)
    except uploads.TooMuch as error:
        return failed(413, str(error), "too_large")
    except uploads.Unreadable as error:
        return failed(400, str(error), "invalid_form")
    except ClientDisconnect:
        return failed(400, "the form was broken off", "invalid_form")  # which nobody reads
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    return await run_in_threadpool(_met, lambda: _edited(door.studio, wanted, form.files))


def _edited(studio: Studio | None, wanted: Painting, files: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    if studio is None:
        raise Refusal(503, "no engine is here", "no_engine")
    if any(name == "mask" for name, _ in files):
        raise Refusal(400, "a picture is painted anew, and a mask is not followed: leave it out", "unsupported", "mask")
    most = studio.references(wanted.model)
    if not most:
        name = wanted.model or studio.engines[0]
        why = "see its table in config.toml, and `frontispiece status`"
        raise Refusal(400, f"{name} takes no reference pictures: {why}", "unsupported", "image")
    photos = tuple(data for name, data in files if name in ("image", "image[]"))
    try:
        taken(photos, most)
    except EngineError as error:
        raise Refusal(400, str(error), "invalid_image", "image") from error
    return _painted(studio, wanted, photos)


def _painted(studio: Studio | None, wanted: Painting, photos: tuple[bytes, ...] = ()) -> dict[str, Any]:
    if studio is None:
        raise Refusal(503, "no engine is here", "no_engine")
    if wanted.response_format == "url":
        raise Refusal(400, "pictures are answered as base64 only: ask for b64_json", "unsupported", "response_format")
    width, height = sized(wanted.size)
    subjects = tuple(name for name in (wanted.subject, wanted.company) if name)
    made = []
    for number in range(wanted.n):
        seed = None if wanted.seed is None else (wanted.seed + number) % 2**32
        order = Order(wanted.prompt, width, height, wanted.model, seed, wanted.negative_prompt, subjects, photos)
        made.append(studio.paint(order))
    return {"created": int(time.time()), "data": [_entry(picture, wanted.output_format) for picture in made]}


def _met(work: Callable[[], dict[str, Any]]) -> JSONResponse:
    """The answer to a request, or why there is none."""
    try:
        return _answer(work())
    except Refusal as refusal:
        return _answer({"error": refusal.error}, refusal.status)
    except LookupError as error:
        return failed(404, f"there is no engine {error.args[0]!r}: see /v1/models", "model_not_found")
    except SubjectError as error:
        return failed(404, str(error), "subject_not_found")
    except Refused as error:
        return failed(400, str(error), "content_policy_violation")
    except Busy as error:
        return failed(429, str(error), "rate_limit_exceeded")
    except NotNow as error:
        return failed(503, str(error), "engine_busy")
    except EngineError as error:
        return failed(502, str(error), "engine_failed")


def sized(size: str) -> tuple[int, int]:
    """A size of the protocol, px. Raises Refusal."""
    if size == "auto":
        return 1024, 1024
    found = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", size)
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (min(sides) >= LEAST_PX and max(sides) <= MOST_PX and sides[0] * sides[1] <= MOST_AREA_PX):
        raise Refusal(400, f"a size is such as 1024x608, sides {LEAST_PX} to {MOST_PX} px", "invalid_size", "size")
    return sides


def _entry(picture: Picture, wanted: str | None) -> dict[str, Any]:
    data = picture.data
    if wanted and picture.suffix != {"jpeg": ".jpg"}.get(wanted, f".{wanted}"):
        out = io.BytesIO()
        Image.open(io.BytesIO(data)).convert("RGB").save(out, wanted.upper())
        data = out.getvalue()
    told = picture.recipe.get("prompt")
    return {"b64_json": base64.b64encode(data).decode(), "revised_prompt": told if isinstance(told, str) else None}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "frontispiece"}


def failed(status: int, message: str, code: str = "") -> JSONResponse:
    """A failure as the protocol says it."""
    return _answer({"error": Refusal(status, message, code).error}, status)


def _answer(body: dict[str, Any], status: int = 200) -> JSONResponse:
    pause = {"retry-after": str(PAUSES_S[status])} if status in PAUSES_S else {}
    return JSONResponse(body, status, {"cache-control": caching.NEVER} | pause)
