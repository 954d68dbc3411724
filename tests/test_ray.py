"""Painting on a Ray cluster: a real one, of two nodes on this machine."""

import json
import os
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from bench import loopback
from service.engines import ray
from service.engines.job import Job, Learned
from service.engines.ray import Ray, Settings
from service.engines.settling import Home
from service.engines.shares import Place, capacity, room, share, worn
from service.engines.wording import Wording
from service.errors import EngineError, NotNow

from .command import objects, told, until
from .tiny_model import save
from .values import prompt

ROOT = Path(__file__).parent.parent
with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="not installed: ray; `make ray` installs it")
NEEDS = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
with_torch = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
QUICK = {"painter": "tests.cluster_painter:Quick", "modules": [str(ROOT / "tests")]}
SOON = {
    "health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3,
    "health_check_timeout_ms": 1000, "worker_niceness": 0,  # else painters have to wait for whatever else runs
}  # fmt: skip
SMALL = {"num_cpus": 2, "resources": {"vram_gb": 24}, "object_store_memory": 80_000_000, "include_dashboard": False}


# -- which painter paints what ------------------------------------------------------------------


def job(subject="", seed=0, size=(320, 200)):
    learned = Learned(subject, f"/{subject}", subject * 4) if subject else None
    return Job("words", "", seed, *size, learned=learned)


def waiting(*subjects):
    return dict(enumerate(map(job, subjects)))


def test_a_painter_takes_what_it_wears_first():
    """Then what nobody wears, and last what another would not have to change for."""
    line = waiting("rex", "", "ann", "rex")
    assert share(line, {"rex" * 4}, set(), 8) == [0, 3]
    assert share(line, {"ann" * 4}, {"rex" * 4}, 8) == [2]
    assert share(line, set(), {"rex" * 4}, 8) == [1]
    assert share(waiting("rex", "rex"), set(), {"rex" * 4}, 1) == [0]


@given(
    st.dictionaries(st.integers(0, 9), st.builds(job, st.sampled_from(["", "rex", "ann"]), size=st.sampled_from([(1, 2), (3, 4)]))),
    st.sets(st.sampled_from(["rex" * 4, "ann" * 4])),
    st.integers(0, 5),
)  # fmt: skip
def test_a_share_is_one_run_of_the_model(line, holds, most):
    """Whatever waits: one size, one subject, never more than asked, never nothing where something waits."""
    places = share(line, holds, set(), most)
    assert bool(places) == bool(line)
    assert len(places) <= max(most, 1)
    assert len({(line[p].width_px, worn(line[p])) for p in places}) <= 1


def test_room_is_what_is_free_and_what_nodes_can_hold():
    """A rest on each of two nodes is no room; a dead node has none; who asks for nothing is given nothing."""
    nodes = [{"Alive": alive, "Resources": {"CPU": 8.0, "GPU": 1.0, "vram_gb": 24.0}} for alive in (True, True, False)]
    place = Place(1, 1, 16)
    assert capacity(place, nodes) == 2
    assert room(place, {"CPU": 16.0, "GPU": 2.0, "vram_gb": 48.0}, nodes, 0) == 2
    assert room(place, {"CPU": 15.0, "GPU": 1.0, "vram_gb": 32.0}, nodes, 1) == 1
    assert room(place, {"CPU": 14.0, "vram_gb": 16.0}, nodes, 2) == 0
    assert room(Place(0, 0, 0), {"CPU": 9.0}, nodes, 0) == 0


@pytest.mark.parametrize(
    "table", [{}, {"model": "m", "address": "http://head"}, {"model": "m", "address": "head"}, {"model": "m", "actors": 0},
              {"model": "m", "adress": "auto"}],
)  # fmt: skip
def test_a_mistake_in_the_table_is_told(table):
    """Unknown keys and impossible values are found when the config is read."""
    with pytest.raises(ValidationError):
        Settings(**table)


def test_a_model_is_chosen_and_held_by_what_a_painter_asks_for(tmp_path):
    """Whatever this machine is. What a node cannot know is asked for."""

    def engine(**table):
        return Ray(Settings(**{"model": "auto"} | table), Wording(ROOT / "templates", tmp_path), Home(tmp_path))

    assert "the best that fits a node with 8 GB" in engine(vram_gb=8).state()["says"]
    assert engine(vram_gb=8).what.model.name != engine(vram_gb=80).what.model.name
    assert engine(vram_gb=8).what.model.thrift > engine(vram_gb=80).what.model.thrift
    assert engine(model="any/model", pipeline="StableDiffusionPipeline").family == "tags"
    with pytest.raises(EngineError, match="say vram_gb"):
        engine().worded(prompt())


SILENT = """
import json, sys, time
from service.frames import receive, send
while request := json.loads(receive(sys.stdin.buffer)):
    send(sys.stdout.buffer, b'{"told": "taken"}')
    if "paint" in request:
        time.sleep(600)
    send(sys.stdout.buffer, b'{"told": "done"}')
"""


def test_a_cluster_that_says_nothing_is_not_waited_for_by_who_stops(tmp_path, monkeypatch):
    """A picture may take hours there; the service that ends gives it seconds."""
    monkeypatch.setattr(ray, "DRIVER", (sys.executable, "-c", SILENT))
    monkeypatch.setattr(ray, "STILL_S", 0.5)
    engine = Ray(Settings(model="any/model"), Wording(ROOT / "templates", tmp_path), Home(tmp_path))

    def stopped(_share):
        raise NotNow("the painting was stopped")

    with pytest.raises(NotNow):
        engine.render(prompt(), 320, 200, stopped)
    assert engine._child is None
    engine.close()


# -- a real cluster -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """A head and a node, each with 24 GB that it says are of a GPU, and room for two painters of 12."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "_system_config": SOON})
    cluster.add_node(**SMALL)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def fleet(cluster, tmp_path_factory):
    """Engines on the cluster whose painters do as the words say; each is closed in the end."""
    made, data = [], tmp_path_factory.mktemp("fleet")
    settings = {"model": "any/model", "address": cluster.address, "actors": 2, "gpus": 0, "cpus": 0.5, "vram_gb": 24}

    def engine(**table):
        wording = Wording(ROOT / "templates", data / "subjects")
        made.append(Ray(Settings(**settings | {"batch": 1} | table), wording, Home(data), **QUICK))
        return made[-1]

    engine.data = data
    yield engine
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def both(fleet):
    """An engine with a painter on each of the two nodes, which have room for no more."""
    return fleet(subject_bases=("base/model",))


@pytest.fixture
def room_for_others(both):
    """Whatever was painted before, nobody has a place."""
    both.close()


def prompts(*words):
    return [prompt(words=each, scene=each, seed=seed) for seed, each in enumerate(words)]


def painted(engine, asked):
    """Every picture of a round, and what first tries failed with."""
    engine.expect(asked, 320, 200)
    out, failed = [], []
    for each in asked:
        try:
            out.append(engine.render(each, 320, 200))
        except EngineError as error:
            failed.append(str(error))
            out.append(engine.render(each, 320, 200))
    engine.expect((), 320, 200)
    return out, failed


def failing(engine):
    with pytest.raises(EngineError) as caught:
        engine.render(prompts("sleep 0")[0], 320, 200)
    return caught.value


@with_ray
def test_a_round_is_painted_by_several_actors(both):
    """All that is expected goes out at once, on every node, and the same seed gives the same bytes."""
    first, failed = painted(both, prompts(*["sleep 0.4"] * 8))
    again, _ = painted(both, prompts(*["sleep 0"] * 8))
    assert not failed
    assert len({each.recipe["pid"] for each in first}) == 2
    assert [each.data for each in first] == [each.data for each in again]
    assert (first[0].recipe["engine"], first[0].width_px, first[0].height_px) == ("ray", 320, 200)
    assert json.loads(json.dumps(first[0].recipe))["node"]


def teach(data, name, base):
    """A subject as learning leaves it."""
    folder = data / "subjects" / name
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(f"the weights of {name}".encode())
    card = f'name = "{name}"\nkind = "dog"\nclass_noun = "corgi"\ntoken = "sks"\nbase = "{base}"\n'
    (folder / "subject.toml").write_text(card)


@with_ray
def test_a_subjects_weights_come_to_the_node_as_bytes(both, fleet):
    """Only its subject's pictures wear them. Who was learned on another model is painted as any of its kind."""
    for name, base in (("rex", "base/model"), ("ann", "another/model")):
        teach(fleet.data, name, base)
    asked = [
        prompt(words="sleep 0", scene="sleep 0", seed=seed, subject=name)
        for seed, name in enumerate((None, "rex", "ann") * 2)
    ]
    pictures, failed = painted(both, asked)
    assert not failed
    assert [each.recipe["learned"] for each in pictures] == ["", "the weights of rex", ""] * 2
    teach(fleet.data, "mia", "base/model")
    (two,), _ = painted(both, [prompt(words="sleep 0", scene="sleep 0", subject="rex", company=("mia",))])
    assert two.recipe["learned"] == "the weights of rex and the weights of mia"
    assert "left out: learned on another/model" in pictures[2].recipe["subject"]
    assert "another/model" in both.leaves_out("ann")
    assert both.leaves_out("rex") == ""


@with_ray
def test_a_painting_can_be_stopped(both, tmp_path):
    """What progress raises comes out, and the painters are there for the next picture."""
    before = {each.recipe["pid"] for each in painted(both, prompts(*["sleep 0.2"] * 4))[0]}

    def enough(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        both.render(prompts(f"wait {tmp_path / 'go'}")[0], 320, 200, enough)
    assert both.render(prompts("sleep 0")[0], 320, 200).recipe["pid"] in before


@with_ray
def test_killing_an_actor_loses_nothing(both, tmp_path):
    """The picture in its hand costs one attempt, the others none, and another actor takes its place."""
    flag = tmp_path / "crashed"
    pictures, failed = painted(both, prompts("sleep 0.1", f"crash {flag}", *["sleep 0.1"] * 5))
    assert flag.exists()
    assert len(pictures) == 7
    assert len(failed) == 1
    assert "a painter on the Ray cluster is gone" in failed[0]


@with_ray
def test_no_room_is_said_or_waited_for(both, fleet):
    """More than any node has is the owner's to change; what others have is waited for, and costs no attempt."""
    painted(both, prompts("sleep 1", "sleep 1"))
    said = str(failing(fleet(vram_gb=80)))
    assert "no node of the Ray cluster has room for a painter (CPU 0.5, vram_gb 80)" in said
    assert "--resources" in said
    assert isinstance(failing(fleet()), NotNow)


@with_ray
def test_a_process_that_spoke_with_the_cluster_and_died_is_replaced(both):
    """In between two pictures nobody notices."""
    both.render(prompts("sleep 0")[0], 320, 200)
    os.kill(both._child._process.pid, signal.SIGKILL)
    both._child._process.wait()
    assert both.render(prompts("sleep 0")[0], 320, 200).width_px == 320


@with_ray
def test_closing_gives_the_places_back(both, fleet):
    """Another engine has them at once."""
    painted(both, prompts("sleep 0", "sleep 0"))
    assert both.state()["now"] == "ready"
    both.close()
    assert both.state()["now"] == "asleep"
    other = fleet()
    assert other.render(prompts("sleep 0")[0], 320, 200).width_px == 320
    other.close()


@with_ray
def test_of_a_batch_nobody_is_charged_who_paints_well_alone(fleet, room_for_others, tmp_path):
    """An actor that dies over four pictures costs no attempt: each is painted again alone. By the owner's own card."""
    models = fleet.data / "models"
    models.mkdir()
    (models / "ours.toml").write_text('id = "ours"\nname = "Our own"\nhub = "our/own"\n')
    engine = fleet(model="ours", actors=1, batch=4)
    pictures, failed = painted(engine, prompts(f"crash {tmp_path / 'once'}", *["sleep 0"] * 3))
    assert (len(pictures), failed) == (4, [])
    assert {(each.recipe["model"], each.recipe["card"]) for each in pictures} == {("our/own", "Our own")}
    assert {each.recipe["batch"] for each in pictures} == {1}
    pictures, (failed,) = painted(engine, prompts("large"))
    engine.close()
    held = pictures[0].recipe["held"]
    assert held != "whole"
    assert f"held {held} from now on" in failed


@with_ray
def test_a_model_that_no_node_can_read_is_a_sentence(fleet, room_for_others):
    """The next engine takes over."""
    engine = fleet(model="broken")
    assert "damaged" in str(failing(engine))
    engine.close()


@with_ray
def test_a_node_that_leaves_takes_no_picture_with_it(cluster, fleet, room_for_others, tmp_path):
    """The picture that was painted there costs one attempt, and is painted where there is room."""
    node, go, out = cluster.add_node(**SMALL), tmp_path / "go", []
    engine = fleet(actors=3)
    painting = threading.Thread(target=lambda: out.extend(painted(engine, prompts(*[f"wait {go}"] * 3))))
    painting.start()
    until(lambda: len(list(tmp_path.glob("go-*"))) == 3, what="a painter on every node")
    cluster.remove_node(node, allow_graceful=False)
    go.touch()
    painting.join(60)
    engine.close()
    assert len({each.data for each in out[0]}) == 3
    assert len(out[1]) <= 1


@with_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_away_is_a_sentence(fleet, address):
    """At once, with what to look at."""
    assert f"no Ray cluster answers at {address}" in str(failing(fleet(address=address)))


# -- the whole command --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def feed():
    with loopback.serving({"news.xml": loopback.rss(loopback.headlines(12))}) as base:
        yield base


@with_ray
@with_torch
def test_once_paints_on_the_cluster(cluster, room_for_others, feed, tmp_path):
    """A real pipeline, tiny and untrained, on actors that were sent this very code."""
    save(tmp_path / "tiny")
    config = tmp_path / "config.toml"
    config.write_text(
        loopback.config(feed, ["news.xml"], plates=3)
        + f'[engines.ray]\nkind = "ray"\nmodel = "{tmp_path / "tiny"}"\naddress = "{cluster.address}"\nactors = 1\n'
        "gpus = 0\nvram_gb = 12\nsteps = 2\nkeep_alive_minutes = 0\n"
    )
    code, out, err = told("once", "--json", "--engine", "ray", "--config", config, "--data", tmp_path / "data")
    rendered = [event for event in objects(out) if event["verb"] == "render"]
    assert code == 0, err
    assert [(event["note"], event.get("error")) for event in rendered] == [("ray", None)] * 3
    assert objects(out)[-1]["painted"] == 3


def test_an_engine_for_one_round(feed, tmp_path):
    """Any kind that needs no table, first in every channel; what is no engine is told, and what lacks its table."""
    config = tmp_path / "config.toml"
    config.write_text(loopback.config(feed, ["news.xml"], plates=1))
    here = ["--config", config, "--data", tmp_path / "data"]
    assert objects(told("once", "--json", "--engine", "papercut", *here).out)[-1]["painted"] == 1
    code, _, err = told("once", "--engine", "papercat", *here)
    assert (code, "there is no engine 'papercat'" in err) == (2, True)
    code, _, err = told("once", "--engine", "ray", *here)
    assert (code, "needs a table [engines.ray] that says model" in err) == (2, True)
