"""Every server with every fault, through the whole line: a plate is painted each time, and the wall is never blank."""

import re
import time

import pytest

from service.assembly import shipped
from service.editors.house import House
from service.engines.papercut import Settings as PapercutSettings, make as papercut
from service.model import Step
from service.press import Press
from service.protocols import Fetched
from service.surroundings import Surroundings

from .dialects import SCENE, dripping, said, silent, speaking, wrong
from .test_chat import brief, chat
from .test_pipeline import FEED, Bench, Feed
from .values import NOON, story

HEADLINE = "Night trains return to the Alps after a forty-year absence"

#: how each server takes the form that is asked for: None where it takes it, else its answer
SERVERS = {
    "OpenAI": lambda heard: (
        (400, wrong("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."))
        if "max_tokens" in heard.body
        else None
    ),
    "llama.cpp": lambda heard: None,
    "llama-cpp-python": lambda heard: (
        (500, wrong("internal error: json_schema")) if heard.form == "json_schema" else None
    ),
    "Ollama": lambda heard: None,
    "LM Studio": lambda heard: (
        (400, {"error": "'response_format.type' must be 'json_schema' or 'text'"})
        if heard.form == "json_object"
        else None
    ),
    "vLLM": lambda heard: (400, wrong("guided decoding is not available")) if heard.form == "json_object" else None,
}
DIRECTED = {
    "no fault": lambda heard: heard.sound(),
    "the schema ignored": lambda heard: f"Here you are:\n\n{heard.sound(confidence=0.9)}\n\nDo you like it?",
    "fenced": lambda heard: f"```json\n{heard.sound()}\n```",
    "thinking aloud": lambda heard: f"<think>Is {{this}} it?</think>{heard.sound()}",
    "the answer among its thoughts": lambda heard: said(None, reasoning_content=heard.sound()),
    "no answer where a form is asked for": lambda heard: heard.sound() if heard.form is None else "",
    "cut off once": lambda heard: heard.sound() if heard.repair else said(heard.sound()[:90], "length"),
    "busy once": lambda heard: heard.sound() if heard.number > 3 else (429, wrong("later"), {"Retry-After": "2"}),
}
HOUSE = {
    "always cut off": lambda heard: said(heard.sound()[:90], "length"),
    "endless whitespace": lambda heard: said("{" + " \n" * 20_000, "length"),
    "empty": lambda heard: said(None),
    "400": lambda heard: (400, wrong("cannot parse the grammar")),
    "429": lambda heard: (429, wrong("rate limit reached"), {"Retry-After": "3600"}),
    "500": lambda heard: (500, "<html>CUDA out of memory</html>"),
    "silence": lambda heard: silent,
    "a byte now and then": lambda heard: dripping,
}
SILENCE = 0.3  #: seconds of patience; ten minutes of silence end just there


def answering(server, fault):
    """A server's own ways, then its fault."""
    return lambda heard: SERVERS[server](heard) or fault(heard)


def line(folder, url, **settings):
    """A line over one headline whose editor is the model at this address."""
    bench = Bench(folder)
    bench.sources = {FEED: Feed(Fetched((story(HEADLINE, feed=FEED, published=NOON),)))}
    bench.channel = bench.channel.model_copy(update={"feeds": (FEED,), "plates_per_round": 1})
    bench.editor = chat(url, folder, **settings)
    return bench


def hung(bench):
    """The only plate, which is painted and ready to be shown."""
    (plate,) = bench.archive.recent(10)
    assert plate.step is Step.RENDERED
    assert not plate.text_only
    assert [ready.plate for ready in bench.archive.ready("home", "hall")] == [plate.id]
    return plate


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("fault", DIRECTED)
def test_a_server_that_can_be_understood_directs(server, fault, tmp_path):
    """What a server says oddly is read, and its direction is what hangs."""
    with speaking(answering(server, DIRECTED[fault])) as model:
        bench = line(tmp_path, model.url)
        events = bench.round()
    assert hung(bench).prompt.scene == SCENE
    assert not [event.error for event in events if event.error]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("fault", HOUSE)
def test_a_server_that_fails_leaves_the_picture_to_the_house(server, fault, tmp_path):
    """What no patience mends is a named failure within the deadline; the house editor directs, and a picture hangs."""
    quiet = fault in ("silence", "a byte now and then")
    with speaking(answering(server, HOUSE[fault])) as model:
        bench = line(tmp_path, model.url, timeout_seconds=SILENCE if quiet else 20)
        started = time.monotonic()
        events = bench.round()
        spent = time.monotonic() - started
    plate = hung(bench)
    assert plate.prompt == House().describe(plate.story, brief(style=plate.prompt.style, verdict=plate.verdict))
    (error,) = [event.error for event in events if event.error] or [bench.editor.state()["error"]]  # or it rests
    assert re.search(r"http://127\.0\.0\.1:\d+/v1|^tiny |rests until", error)
    if quiet:
        assert spent < 2 * SILENCE + 5  # choosing and directing; the rest is a busy machine's


def test_a_plate_is_really_painted_whoever_fails(tmp_path):
    """With a server that fails and the paper-cut engine, a picture of the asked shape hangs."""
    with speaking(lambda heard: (500, wrong("out of memory"))) as model:
        bench = line(tmp_path, model.url)
        bench.engines = [("papercut", papercut(PapercutSettings(), Surroundings("p", tmp_path, shipped("templates"))))]
        list(Press(bench.line()).round())
    plate = hung(bench)
    assert bench.store.folder.read(plate.picture)[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1")
