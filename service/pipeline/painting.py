"""The verb render: tries, by the channel's engines in order, until a picture can hang."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..compose.finish import signed
from ..compose.focus import looked_at
from ..errors import EngineError, NotNow, Withdrawn
from ..model import Picture, Plate, Prompt, Step
from ..protocols import Batching, Engine, Note
from .line import Desk, Event, Line
from .looking import UNTRAINED, Eye
from .plates import MAX_ATTEMPTS
from .tries import Sitting

PAPER = "papercut"  #: what the house's own engine is called in the rows


def render(line: Line, desk: Desk) -> Iterator[Event]:
    """Paint every described plate and look at what came out."""
    plates = line.store.waiting(desk.name, Step.DESCRIBED)
    bounds = line.settings.critic
    eye = Eye(desk.critic if bounds.max_calls else None, naked=line.naked, naked_above=bounds.nsfw_above)
    work = _Work(line, desk, eye)
    work.expect(plates)
    try:
        for done, plate in enumerate(plates, 1):
            try:
                event = _render(work, plate)
            except Withdrawn as withdrawn:
                event = Event("render", plate.story.title, note=str(withdrawn), plate=plate.id)
            yield replace(event, done=done, total=len(plates))
    finally:
        work.expect(())


@dataclass(frozen=True, slots=True)
class _Work:
    """Who is at work on a round's plates."""

    line: Line
    desk: Desk
    eye: Eye
    resting: dict[str, NotNow] = field(default_factory=dict)  #: engines that may not paint in this round

    def expect(self, plates: Sequence[Plate]) -> None:
        """Tell the engines that paint in batches what each will be asked for first."""
        for number, (name, engine) in enumerate(self.desk.engines):
            if isinstance(engine, Batching):
                mine = [plate for plate in plates if plate.engine == number and not self.line.journal.tries(plate.id)]
                prompts = [plate.prompt for plate in mine if plate.prompt]
                with self.line.turn(name):
                    engine.expect(prompts, self.desk.width_px, self.desk.height_px)

    def paint(self, plate: Plate, prompt: Prompt, name: str, engine: Engine) -> Picture:
        """One picture, which stops where the round does. Raises EngineError; NotNow at once where it did already."""
        if name in self.resting:
            raise self.resting[name]
        line, desk = self.line, self.desk
        try:
            with line.turn(name), line.easel.holding(plate, name):
                line.easel.progress(0.0)  # it may have been stopped while another had its turn
                picture = looked_at(signed(engine.render(prompt, desk.width_px, desk.height_px, line.easel.progress)))
        except NotNow as error:
            self.resting[name] = error
            raise
        except EngineError as error:
            line.easel.progress(0.0)  # what the stop itself broke off is nobody's failure either
            line.breakers[name] = line.breaker(name).failed(line.store.now(), str(error))
            raise
        line.breakers.pop(name, None)
        return picture

    def sitting(self, plate: Plate) -> tuple[Sitting, list[tuple[str, str]]]:
        """A plate's sitting, and the file and engine of every try that an earlier round left."""
        line = self.line
        assert plate.prompt is not None
        sitting = Sitting(
            plate.prompt, self.eye, line.settings.critic, line.store.now, lambda note: line.journal.note(plate.id, note)
        )
        sound = (tried for tried in line.journal.tries(plate.id) if line.store.folder.whole(tried.picture))
        return sitting, [(tried.picture, tried.engine) for tried in sitting.recall(sound)]

    def hand_on(self, plate: Plate, why: str) -> Plate:
        """The plate at its next engine, with no attempt spent there."""
        self.line.store.next_engine(plate, why)
        return replace(plate, engine=plate.engine + 1, attempts=0)

    def passes_over(self, plate: Plate, engine: str) -> bool:
        """Whether an engine that has another behind it is left alone for now; then the transcript says why."""
        line = self.line
        breaker = line.breaker(engine)
        if not breaker.rests(line.store.now()) or breaker.until is None:
            return False
        until = breaker.until.astimezone(line.settings.zone)
        why = f"{engine} rests until {until:%H:%M} after {breaker.failures} failures in a row: {breaker.error}"
        line.journal.note(plate.id, Note("engine", "was passed over", why))
        return True


def _render(work: _Work, plate: Plate) -> Event:
    """Attempts are spent at once on an engine that has another behind it, and with waits on the last one."""
    line, desk, event = work.line, work.desk, Event("render", plate.story.title, plate=plate.id)
    sitting, tries = work.sitting(plate)
    while plate.engine < len(desk.engines) and (prompt := sitting.wanted()):
        name, engine = desk.engines[plate.engine]
        last = plate.engine == len(desk.engines) - 1
        if plate.attempts >= MAX_ATTEMPTS or (not last and work.passes_over(plate, name)):
            plate = work.hand_on(plate, plate.error or "")
            continue
        line.store.begin(plate)
        try:
            picture = work.paint(plate, prompt, name, engine)
        except NotNow as error:
            line.store.unspent(plate, str(error))
            if last or line.easel.waits(plate):
                return replace(event, verb="wait", note=str(error))
            if sitting.best is not None:
                break
            plate = work.hand_on(plate, f"{name}: {error}")
            continue
        except EngineError as error:
            if sitting.best is not None:
                break  # there is one that can hang
            plate = replace(plate, attempts=plate.attempts + 1, error=f"{name}: {error}")
            line.store.failed(plate, plate.error or "", _wait(plate.attempts) if last else timedelta(0))
            if last and plate.attempts < MAX_ATTEMPTS:
                return replace(event, error=plate.error)
            continue
        if picture.recipe.get("trained") is not False:
            sitting.note(Note("engine", "painted", f"{name}, seed {prompt.seed}"))
        critique = sitting.look(picture, prompt)
        tries.append((line.journal.tried(plate, prompt, picture, name, critique), name))
        plate = replace(plate, attempts=0)
    if sitting.best is not None:
        file, name = tries[sitting.best]
        line.store.rendered(plate, file)
        return replace(event, note=_told(name, sitting))
    return _unpainted(work, plate, event, rejected=bool(tries))


def _unpainted(work: _Work, plate: Plate, event: Event, *, rejected: bool) -> Event:
    """Where every try was rejected, what the house can cut from paper; else the story's words alone."""
    line, desk, prompt = work.line, work.desk, plate.prompt
    if rejected and desk.paper and prompt and plate.attempts < MAX_ATTEMPTS:
        line.store.begin(plate)
        try:
            picture = signed(desk.paper.render(prompt, desk.width_px, desk.height_px))
        except EngineError as error:
            plate = replace(plate, error=f"{PAPER}: {error}")
        else:
            line.journal.note(plate.id, Note("engine", "cut it from paper", "every picture before was rejected"))
            line.store.rendered(plate, line.journal.tried(plate, prompt, picture, PAPER, UNTRAINED))
            return replace(event, note=f"{PAPER}: every picture was rejected")
    line.store.unillustrated(plate, plate.error)
    return replace(event, note="text only", error=plate.error)


def _told(name: str, sitting: Sitting) -> str:
    """Who painted it, and what else there was to choose from."""
    place, made = sitting.best or 0, len(sitting.critiques)
    if made == 1:
        return name
    why = sitting.critiques[place].why
    return f"{name}, try {place + 1} of {made}" + (f", though {why}" if why else "")


def _wait(attempts: int) -> timedelta:
    return timedelta(minutes=2 * 2**attempts)
