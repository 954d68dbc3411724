"""A door for painting a plate's picture again."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from service import telling
from service.assembly import Service, opened
from service.errors import DataFolderError
from service.files import write_whole
from service.studio import Studio

from .asked import AsJson, Config, Data, UsageError, settings_of


def repaint(
    plate: Annotated[int, typer.Argument(metavar="PLATE", help="A plate's number; it is on its page.", min=1)],
    style: Annotated[str, typer.Option(help="Another house style. [default: the same]")] = "",
    seed: Annotated[
        int | None, typer.Option(help="Another number, another picture. [default: the same]", min=0, max=2**32 - 1)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it here, and leave the wall as it is.")
    ] = None,
    config: Config = None,
    data: Data = Path("data"),
    json: AsJson = False,
) -> None:
    """Paint a plate's picture again, by the recipe that is kept with it.

    The same recipe gives the same picture: to the byte by papercut, and by a diffusion model on the same machine that
    painted it alone. With another style or seed the new picture hangs from then on; the old one stays among the tries
    on the plate's page.
    """
    wanted = {"style": style, "seed": seed, "keep": output is None}
    with opened(settings_of(config), data) as service:
        told = _asked(service, plate, wanted)
    if output is not None:
        try:
            write_whole(output, base64.b64decode(told.pop("b64_json")))
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    if json:
        telling.line(told | ({"file": str(output)} if output else {}))
        return
    telling.said(_words(told) + (f"; written to {output}" if output else ""))


def _asked(service: Service, plate: int, wanted: dict[str, Any]) -> dict[str, Any]:
    """What came of it, done here or by the service that owns the folder."""
    folder = service.store.folder
    try:
        folder.claim({})
    except DataFolderError:
        owner = folder.owner()
        if "url" not in owner:
            raise
        return telling.told_by(owner, service.keys.token(), f"api/plates/{plate}/repaint", wanted)
    try:
        return _here(service, plate, wanted)
    finally:
        folder.release()


def _here(service: Service, plate: int, wanted: dict[str, Any]) -> dict[str, Any]:
    try:
        made = Studio(service.press.line).repaint(plate, **wanted)
    except (LookupError, OverflowError) as error:
        raise UsageError(f"there is no plate {plate}; its number is on its page") from error
    picture = {} if wanted["keep"] else {"b64_json": base64.b64encode(made.picture.data).decode()}
    return made.told() | picture


def _words(told: dict[str, Any]) -> str:
    start = f"plate {told['plate']}, painted again by {told['engine']}: "
    if told["same"]:
        return start + "the same picture, to the byte"
    near = f" ({told['psnr_db']} dB from the other)" if told["psnr_db"] else ""
    return start + f"another picture, style {told['style'] or 'none'}, seed {told['seed']}{near}"
