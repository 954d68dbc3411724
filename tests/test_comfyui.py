"""ComfyUI paints by the owner's workflow: the wishes stand in its nodes, and its queue, socket and errors are understood."""

import copy
import json
import socket
import threading

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from service.engines import workflow
from service.engines.comfyui import Settings
from service.engines.remote.course import Course, ahead, failure, objections, pictures
from service.engines.workflow import Place
from service.errors import EngineError, NotNow
from service.protocols import Referring

from .painters import Answer, ComfyUi, painting
from .pictures import dusk
from .test_company import BOTH, MIA
from .test_learned import REX, subject
from .test_painters import built
from .test_references import file
from .values import prompt
from .workflows import GRAPH, node


def engine(server, folder, graph=GRAPH, **table):
    ours = built("ComfyUI", server, folder, **table)
    (folder / "flow.json").write_text(json.dumps(graph))
    return ours


def paint(folder, wire=None, a_prompt=None, graph=GRAPH, **table):
    wire, heard = wire or ComfyUi(), []
    with painting(wire) as server:
        ours = engine(server, folder, graph, **table)
        picture = ours.render(a_prompt or prompt(), 1024, 600, heard.append)
        ours.close()
    return picture.recipe, wire, heard


def failed(folder, wire=None, graph=GRAPH, **table):
    with painting(wire or ComfyUi()) as server:
        ours = engine(server, folder, graph, **table)
        with pytest.raises(EngineError) as caught:
            ours.render(prompt(), 1024, 600)
        ours.close()
    return str(caught.value)


def changed(**nodes):
    """The workflow with inputs or titles of nodes changed."""
    graph = copy.deepcopy(GRAPH)
    for name, told in nodes.items():
        graph[name.removeprefix("n")]["_meta"]["title"] = told
    return graph


def test_wishes_stand_in_the_nodes_with_their_titles(tmp_path):
    """Words, what to leave out, seed and size; nothing else is touched, and the recipe says all of it."""
    recipe, wire, _ = paint(tmp_path, a_prompt=prompt(avoid=("fog",)), family="tags")
    inputs = {name: wire.graph[name]["inputs"] for name in GRAPH}
    assert "small night train" in inputs["6"]["text"]
    assert "fog" in inputs["7"]["text"]
    assert (inputs["3"]["seed"], inputs["3"]["steps"]) == (7, 20)
    assert (inputs["5"]["width"], inputs["5"]["height"]) == (1344, 784)
    assert {name: wire.graph[name] for name in ("4", "8", "9")} == {name: GRAPH[name] for name in ("4", "8", "9")}
    assert (recipe["seed"], recipe["model"]) == (7, "dreamshaper_8.safetensors")


def test_the_table_may_say_where_wishes_stand(tmp_path):
    """By a node's id or title and its input; a table wins over titles."""
    inputs = {"prompt": "6.text", "seed": "KSampler.seed", "steps": "3.steps", "guidance": "3.cfg"}
    graph = changed(n3="KSampler", n6="CLIP Text Encode (Prompt)")
    _, wire, _ = paint(tmp_path, graph=graph, inputs=inputs, steps=8, guidance=2)
    sampler = wire.graph["3"]["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (7, 8, 2)


MISTAKES = {
    "no title": (changed(n6="x", n7="y"), {}, 'no place for the prompt: give its node the title "prompt"'),
    "what it could be": (changed(n6="x", n7="y"), {}, "it could be 6.text (x), 7.text (y)"),
    "no seed": (changed(n3="x"), {}, "no place for the seed"),
    "no such node": (GRAPH, {"prompt": "66.text"}, "the workflow has no node '66'"),
    "nearly": (GRAPH, {"prompt": "Promt.text"}, "did you mean Prompt?"),
    "no such input": (GRAPH, {"prompt": "6.txt"}, "that node has no 'txt'; it has text, clip"),
    "a link": (GRAPH, {"prompt": "3.positive"}, "it is fed by node 6; name that one's input instead"),
    "as ComfyUI saves it": ({"nodes": [], "links": []}, {}, "use Workflow, Export (API)"),
    "no workflow": ({"6": 5}, {}, "is no workflow"),
    "a list": ([], {}, "is no workflow"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_workflow_that_does_not_fit_is_told_before_anything_is_sent(tmp_path, name):
    """With the node it is about, and what to do in ComfyUI or in the table."""
    graph, inputs, reason = MISTAKES[name]
    wire = ComfyUi()
    assert reason in failed(tmp_path, wire, graph, inputs=inputs)
    assert wire.graph is None


def test_a_file_that_is_none(tmp_path):
    """Missing, and not JSON."""
    with pytest.raises(EngineError, match="there is no workflow"):
        workflow.read(tmp_path / "gone.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(EngineError, match="is not JSON"):
        workflow.read(tmp_path / "bad.json")


def test_progress_is_heard_over_the_socket(tmp_path):
    """The sampler's steps are the way; it only grows."""
    _, _, heard = paint(tmp_path)
    assert heard == sorted(heard)
    assert heard[-2:] == [pytest.approx(0.9), pytest.approx(0.95)]


def test_the_place_in_the_queue_is_the_first_tenth(tmp_path):
    """Two before it, then one, then none."""
    wire = ComfyUi(polls=5, dies_after=0)
    wire.waiting = [2, 1, 0]
    _, _, heard = paint(tmp_path, wire)
    assert heard[:2] == [pytest.approx(0.05), pytest.approx(0.1)]


@pytest.mark.parametrize("after", [0, 3, 6])
def test_a_socket_that_dies_costs_nothing(tmp_path, after):
    """Whether the picture is there is asked over HTTP."""
    recipe, _, heard = paint(tmp_path, ComfyUi(dies_after=after))
    assert recipe["engine"] == "comfyui"
    assert heard[-1] == 0.95


@pytest.mark.parametrize("message", [b"\xff" * 300, {"type": "progress"}, {"data": 5}, [], {"type": "progress", "data": {"value": "x", "max": 0, "node": "3"}},
                                     {"type": "progress_state", "data": {"nodes": {"3": {"value": 9, "max": 4}}}}], ids=repr)  # fmt: skip
def test_a_message_that_is_not_understood_is_left(tmp_path, message):
    """Newer servers say more."""
    recipe, _, heard = paint(tmp_path, ComfyUi(course=[message]))
    assert recipe["engine"] == "comfyui"
    assert max(heard) <= 0.95


def test_a_socket_is_not_led_elsewhere(tmp_path):
    """A redirect of the socket is a server without one."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        came = []
        threading.Thread(target=lambda: came.append(trap.accept()), daemon=True).start()
        wire = ComfyUi()

        def away(handler):
            handler.send_response(302)
            handler.send_header("Location", f"ws://127.0.0.1:{trap.getsockname()[1]}/ws")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        wire.socket = away
        assert paint(tmp_path, wire)[0]["engine"] == "comfyui"
        assert came == []


def error(kind, **data):
    return {"status_str": "error", "completed": False, "messages": [["execution_start", {}], [kind, data]]}


ENDS = {
    "no memory": (error("execution_error", node_id="3", exception_type="torch.OutOfMemoryError", exception_message="Allocation on device"),
                  "ran out of memory in node 3 (Seed): lower side_px"),
    "a node fails": (error("execution_error", node_id="4", exception_message="no file named x"),
                     "failed in node 4 (CheckpointLoaderSimple): no file named x"),
    "interrupted": (error("execution_interrupted", node_id="3"), "was interrupted by somebody"),
    "no word": ({"status_str": "error", "messages": None}, "could not finish the workflow"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_node_that_fails_is_named(tmp_path, name):
    """By its title, with what it says, and what to do where that is known."""
    wire = ComfyUi()
    wire.status, reason = ENDS[name]
    assert reason in failed(tmp_path, wire)


def test_objections_to_the_workflow_are_told_node_by_node(tmp_path):
    """ComfyUI checks a workflow before it begins."""
    wire = ComfyUi()
    errors = [{"type": "value_not_in_list", "message": "Value not in list", "details": "ckpt_name: 'x' not in ['y']"}]
    wire.objection = {
        "error": {
            "type": "prompt_outputs_failed_validation",
            "message": "Prompt outputs failed validation",
            "details": "",
        },
        "node_errors": {"4": {"errors": errors, "class_type": "CheckpointLoaderSimple"}},
    }
    said = failed(tmp_path, wire)
    assert "objects to the workflow: node 4 (CheckpointLoaderSimple): Value not in list, ckpt_name: 'x'" in said


def test_a_server_that_was_started_anew_has_lost_the_picture(tmp_path):
    """It is neither waiting nor at work nor done."""
    wire = ComfyUi(polls=99, dies_after=0)
    wire.waiting = [0, None]
    assert "no longer knows of the picture" in failed(tmp_path, wire)


@pytest.mark.parametrize(("before", "told"), [(0, ("interrupt", "11-22")), (2, ("delete", ["11-22"]))])
def test_what_nobody_waits_for_is_withdrawn(tmp_path, before, told):
    """Interrupted where it is being painted, taken out of the queue where it waits: never another's."""
    wire = ComfyUi(polls=10_000, course=[{"type": "status", "data": {}}])
    wire.waiting = [before]
    assert "did not finish in 0.5 s" in failed(tmp_path, wire, timeout_seconds=0.5)
    assert wire.told == [told]


def test_a_round_that_was_stopped_is_nobodys_failure(tmp_path):
    """What stops the painting comes out as it is, and the server is told."""
    wire = ComfyUi(polls=10_000)

    def stop(share):
        if share:
            raise NotNow("the painting was stopped")

    with painting(wire) as server, pytest.raises(NotNow, match=r"^the painting was stopped$"):
        engine(server, tmp_path).render(prompt(), 1024, 600, stop)
    assert wire.told


def test_memory_is_given_back_where_the_owner_wants_that(tmp_path):
    """After the picture, and after a failure too."""
    assert paint(tmp_path, free_after=True)[1].freed
    wire = ComfyUi()
    wire.status = error("execution_interrupted")
    failed(tmp_path, wire, free_after=True)
    assert wire.freed
    assert not paint(tmp_path)[1].freed


LEARNED = GRAPH | {
    "10": node("LoraLoader", "LoRA", lora_name="none.safetensors", strength_model=1, strength_clip=1, model=["4", 0])
}


def test_a_learned_subject_sets_the_lora_and_its_strength(tmp_path):
    """Without a subject the same node has strength 0."""
    subject(tmp_path)
    loras = {"rex": "rex.safetensors:0.8"}
    inputs = paint(tmp_path, a_prompt=REX, graph=LEARNED, loras=loras)[1].graph["10"]["inputs"]
    assert (inputs["lora_name"], inputs["strength_model"], inputs["strength_clip"]) == ("rex.safetensors", 0.8, 0.8)
    inputs = paint(tmp_path, graph=LEARNED, loras=loras)[1].graph["10"]["inputs"]
    assert (inputs["lora_name"], inputs["strength_model"]) == ("none.safetensors", 0)
    with painting(ComfyUi()) as server, pytest.raises(EngineError, match="no place for a lora"):
        engine(server, tmp_path, loras=loras).render(REX, 1024, 600)


WITH_PHOTOS = GRAPH | {
    "11": node("LoadImage", "Photo", image="x.png"),
    "12": node("LoadImage", "photo 2", image="x.png"),
}


def test_photos_are_left_with_the_server_for_the_workflow_that_wants_them(tmp_path):
    """Only with a subject, and only as many as there are places for; where photos are fewer they come again."""
    subject(tmp_path, pictures=1)
    (tmp_path / "photo.json").write_text(json.dumps(WITH_PHOTOS))
    table = {"references": True, "photo_workflow": "photo.json"}
    recipe, wire, _ = paint(tmp_path, a_prompt=REX, **table)
    ((name, data),) = wire.uploads
    assert wire.graph["11"]["inputs"]["image"] == wire.graph["12"]["inputs"]["image"] == name
    assert "rex" not in name
    assert data[:2] == b"\xff\xd8"
    assert "the corgi in the reference picture rides" in wire.graph["6"]["inputs"]["text"]
    assert recipe["photos"] == 1
    wire = paint(tmp_path, a_prompt=prompt(), **table)[1]
    assert (wire.uploads, "11" in wire.graph) == ([], False)


def test_no_more_photos_are_spoken_of_than_have_a_place(tmp_path):
    """Of two subjects each has one; where there is one place, the first has it and the other is told by its noun."""
    subject(tmp_path, pictures=3)
    subject(tmp_path, pictures=3, **MIA)
    table = {"references": True, "photo_workflow": "photo.json"}
    said = []
    for graph in (WITH_PHOTOS, {name: each for name, each in WITH_PHOTOS.items() if name != "12"}):
        (tmp_path / "photo.json").write_text(json.dumps(graph))
        recipe, wire, _ = paint(tmp_path, a_prompt=BOTH, **table)
        said.append((recipe["photos"], len(wire.uploads), wire.graph["6"]["inputs"]["text"]))
    (both, two, words), (alone, one, noun) = said
    assert (both, two, alone, one) == (2, 2, 1, 1)
    assert "the corgi in the reference picture 1," in words
    assert "the woman in the reference picture 2 beside" in words
    assert "the corgi in the reference picture," in noun
    assert "a woman beside" in noun


def test_an_order_brings_its_own_photos(tmp_path):
    """As many as the workflow has places for; a workflow without any is named before anything is sent."""
    subject(tmp_path, pictures=2)
    (tmp_path / "photo.json").write_text(json.dumps(WITH_PHOTOS))
    with painting(ComfyUi()) as server:
        ours = engine(server, tmp_path, references=True, photo_workflow="photo.json")
        assert isinstance(ours, Referring)
        assert (ours.references, ours.from_photos("rex")) == (2, 2)
        recipe = ours.render_from([file(dusk(200, 100))], REX, 1024, 600).recipe
        assert (recipe["photos"], "a corgi rides" in recipe["prompt"]) == (1, True)
        with pytest.raises(EngineError, match="1 to 2 reference pictures are taken, not 3"):
            ours.render_from([b""] * 3, REX, 1024, 600)
        (tmp_path / "photo.json").write_text(json.dumps(GRAPH))
        with pytest.raises(EngineError, match="no place for a photo"):
            ours.render(REX, 1024, 600)
        ours.close()
        plain = engine(server, tmp_path)
        assert plain.references == 0
        with pytest.raises(EngineError, match="no reference pictures are taken here"):
            plain.render_from([file(dusk(200, 100))], REX, 1024, 600)


def test_the_owner_may_name_the_output(tmp_path):
    """A workflow may save several pictures; a node that makes none is told."""
    entry = {
        "outputs": {
            "8": {"images": [{"filename": "b.png", "type": "temp"}]},
            "9": {"images": [{"filename": "a.png", "type": "output"}]},
        }
    }
    assert [picture["filename"] for picture in pictures(entry, [])] == ["a.png", "b.png"]
    assert [picture["filename"] for picture in pictures(entry, ["8"])] == ["b.png"]
    assert "made no picture" in failed(tmp_path, output="7")
    assert "without a node 'x'" in failed(tmp_path, output="x")


def test_the_family_follows_the_models_of_the_workflow(tmp_path):
    """Tags for Stable Diffusion 1.5, as the checkpoint's name tells; prose where there is no workflow yet."""
    with painting(ComfyUi()) as server:
        ours = engine(server, tmp_path)
        assert ours.family == "tags"
        (tmp_path / "flow.json").unlink()
        assert ours.family == "prose"


@pytest.mark.parametrize("inputs", [{"promt": "6.text"}, {"prompt": "6"}, {"prompt": ".text"}])
def test_a_mistake_in_the_table_is_told(inputs):
    """When the config is read."""
    with pytest.raises(ValidationError):
        Settings(base_url="http://x", workflow="w.json", inputs=inputs)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["type", "data", "node", "nodes", "value", "max", "prompt_id", "status", "outputs", "images", "messages", "node_errors",
                     "errors", "error", "status_str", "queue_running", "queue_pending", "filename", "3"]), inner, max_size=4), max_leaves=12)  # fmt: skip


@given(told=JSON)
def test_whatever_a_server_says_is_no_crash(told):
    """Any JSON where another was due."""
    course = Course(GRAPH, "11-22")
    course.heard(json.dumps(told))
    assert 0 <= course.share <= 1
    if isinstance(told, dict):
        failure(GRAPH, told)
        assert isinstance(objections(GRAPH, told), str)
        assert isinstance(pictures(told, []), list)
        ahead(told, "11-22")


def test_places_are_values_not_links():
    """Both of a size, by one title; the sampler's seed by its own."""
    found = workflow.places(GRAPH, {})
    assert found["width"] + found["height"] == (Place("5", "width"), Place("5", "height"))
    assert found["seed"] == (Place("3", "seed"),)
    assert Answer({}).status == 200
