"""The owner's verbs on a display and on a plate: next, previous, show this now, not me.

They only write rows; ``show`` tells the displays. So they may be done in any process, while a service runs.
"""

from __future__ import annotations

from ..errors import Refused
from ..model import Plate, Step
from ..settings import Display
from .line import Line
from .showings import next_plate


def turn_on(line: Line, display: Display) -> Plate:
    """Hang what follows: what was stepped back from, else whatever is next. Raises Refused where there is nothing."""
    again = line.screens.after(display.name)
    if again is not None:
        line.screens.show(display.name, again.plate, again.showing)
        return _hanging(line, display)
    chosen = next_plate(line, display, line.archive.hung(display.name))
    if chosen is None:
        raise Refused(f"nothing else is ready for {display.name}")
    line.screens.show(display.name, chosen)
    return _hanging(line, display)


def turn_back(line: Line, display: Display) -> Plate:
    """Hang what was there before. Raises Refused where there is nothing."""
    before = line.screens.before(display.name)
    if before is None:
        raise Refused(f"nothing that may still hang was on {display.name} before")
    line.screens.show(display.name, before.plate, before.showing)
    return _hanging(line, display)


def show_now(line: Line, display: Display, plate: Plate) -> Plate:
    """Hang this plate. Raises Refused where it cannot be shown."""
    if plate.banned:
        raise Refused(f"plate {plate.id} is banned; take that back first")
    if plate.step is not Step.RENDERED:
        raise Refused(f"plate {plate.id} is not finished yet")
    line.screens.show(display.name, plate.id)
    return _hanging(line, display)


def _hanging(line: Line, display: Display) -> Plate:
    hung = line.archive.hung(display.name)
    if hung is None:
        raise Refused("it was cleared away in this moment")
    return hung.plate


def not_me(line: Line, plate: Plate) -> None:
    """Nobody of this home is in this plate's story: what shows any of them is painted anew. Raises Refused."""
    if plate.prompt is None or not plate.prompt.subjects:
        raise Refused(f"nobody of this home is in plate {plate.id}")
    line.screens.absent(plate.id)
