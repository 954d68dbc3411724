"""A round that paints: what engines are told to expect, a GPU that others have, stopping, and what is said of it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import EngineError, NotNow
from service.press import Press
from service.studio import Order, Studio

from .test_pipeline import Bench, Engine


class Batches(Engine):
    """An engine that is told what comes, and that tells of its steps."""

    def __init__(self, error=None):
        super().__init__(error)
        self.expected, self.on_step = [], lambda: None

    def expect(self, prompts, width_px, height_px):
        self.expected.append(len(prompts))

    def render(self, told, width_px, height_px, progress=None):
        self.on_step()
        progress(0.5)
        return super().render(told, width_px, height_px, progress)

    def state(self):
        return {"model": "tiny", "now": "painting, step 7 of 20", "step": 7, "steps": 20}


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.engines = [("gpu", Batches()), ("spare", Batches())]
    return made


def waiting(bench):
    return [(plate.attempts, plate.error, plate.retry_at) for plate in bench.store.unfinished()]


def test_engines_are_told_what_comes_and_when_it_is_over(bench):
    """The round's plates to the engine whose turn it is, nothing to the others; then that the queue is empty."""
    bench.round()
    assert [engine.expected for _, engine in bench.engines] == [[3, 0], [0, 0]]


def test_a_queue_is_empty_also_where_the_round_ends_early(bench):
    """Whoever asked for the round may leave in its middle."""
    events = Press(bench.line()).round()
    next(event for event in events if event.verb == "render")
    events.close()
    assert bench.engines[0][1].expected == [3, 0]


def test_a_gpu_in_use_is_no_failure(bench):
    """The plates wait for a later round without a spent attempt, and nobody is asked twice; then they are painted."""
    gpu, spare = (engine for _, engine in bench.engines)
    gpu.error = NotNow("waiting for the GPU: learning rex (process 7)")
    events = [event for event in bench.round() if event.verb in ("render", "wait")]
    assert [(event.verb, event.note, event.error) for event in events] == [("wait", str(gpu.error), None)] * 3
    assert waiting(bench) == [(0, str(gpu.error), None)] * 3
    assert (gpu.calls, spare.calls) == (1, 0)
    gpu.error = None
    bench.round()
    assert bench.steps().count("rendered") >= 3
    assert bench.store.unfinished() == []


def test_a_gpu_that_stays_in_use_hands_the_plates_on(bench):
    """After three rounds the next engine paints what waited; the engine that could not is not taken for broken."""
    press, (gpu, spare) = Press(bench.line()), (engine for _, engine in bench.engines)
    gpu.error = NotNow("waiting for the GPU: learning rex (process 7)")
    for _ in range(3):
        list(press.round())
    assert (gpu.calls, spare.calls) == (3, 0)
    list(press.round())
    assert (gpu.calls, spare.calls) == (4, 3)
    assert bench.store.unfinished() == []
    assert press.line.breakers == {}


def test_the_last_engine_is_waited_for_without_end(bench):
    """Nobody else could paint."""
    bench.engines = bench.engines[:1]
    bench.engines[0][1].error = NotNow("waiting for the GPU: learning rex (process 7)")
    press = Press(bench.line())
    for _ in range(5):
        list(press.round())
    assert {(attempts, retry) for attempts, _, retry in waiting(bench)} == {(0, None)}


def test_a_failure_before_it_stays_counted(bench):
    """Waiting gives back its own attempt only."""
    bench.engines = [("gpu", Batches(EngineError("it crashed")))]
    bench.round()
    bench.engines[0][1].error = NotNow("waiting for the GPU: learning rex")
    bench.clock.pass_(minutes=30)
    bench.round()
    assert (1, "waiting for the GPU: learning rex", None) in waiting(bench)


def test_a_round_waits_for_an_order_and_paints_on(bench):
    """Another program's picture is on the easel when the round tells what it expects: one after the other."""
    line, gpu, inside, gate = bench.line(), bench.engines[0][1], threading.Event(), threading.Event()
    gpu.on_step = lambda: (inside.set(), gate.wait(0.3))
    with ThreadPoolExecutor(1) as pool:
        order = pool.submit(Studio(line).paint, Order("a red boat on a lake", 640, 400, "gpu", seed=9))
        inside.wait(20)
        events = [event for event in Press(line).round() if event.verb == "render"]
        assert order.result(20).width_px
    assert [event.note for event in events] == ["gpu"] * 3
    assert gpu.expected == [3, 0]


def test_stopping_reaches_a_picture_on_its_way(bench):
    """It ends at its next step, costs no attempt, and no other begins."""
    press, gpu = Press(bench.line()), bench.engines[0][1]
    gpu.on_step = press.line.easel.stop
    events = [event for event in press.round() if event.verb in ("render", "wait")]
    assert {(event.verb, event.note) for event in events} == {("wait", "the painting was stopped")}
    assert [attempts for attempts, _, _ in waiting(bench)] == [0, 0, 0]
    assert gpu.calls == 0


def test_what_stopping_broke_off_is_no_failure(bench):
    """An engine that asks nobody on its way fails when its connection is closed: it is not asked once more."""
    press, gpu = Press(bench.line()), bench.engines[0][1]

    def broken():
        press.line.easel.stop()
        gpu.asked = getattr(gpu, "asked", 0) + 1
        raise EngineError("broke off in the middle of its answer")

    gpu.on_step = broken
    assert {event.verb for event in press.round() if event.verb in ("render", "wait")} == {"wait"}
    assert [(attempts, retry) for attempts, _, retry in waiting(bench)] == [(0, None)] * 3
    assert (gpu.asked, press.line.breakers) == (1, {})


def test_the_status_says_what_is_painted(bench):
    """Engine, step and story while it happens, and no story afterwards."""
    press, gpu, seen = Press(bench.line()), bench.engines[0][1], []
    gpu.on_step = lambda: seen.append(press.status()["engines"])
    list(press.round())
    first, spare = seen[0]
    assert (first["name"], first["now"], first["channels"]) == ("gpu", "painting, step 7 of 20", ["home"])
    assert (first["model"], first["step"], first["steps"]) == ("tiny", 7, 20)
    assert first["headline"] == bench.archive.plate(first["plate"]).story.title
    assert spare["headline"] is None
    assert press.status()["engines"][0]["headline"] is None
