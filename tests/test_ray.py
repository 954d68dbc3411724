"""Painting on a Ray cluster: a real one, of two nodes on this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from bench import loopback
from service.engines.job import Job, Learned
from service.engines.ray import Ray, Settings
from service.engines.shares import Place, capacity, room, share, worn
from service.engines.wording import Wording
from service.errors import EngineError, NotNow

from .command import command, objects, told, until
from .values import prompt

ROOT = Path(__file__).parent.parent
with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="not installed: ray; `make ray` installs it")
NEEDS = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
with_torch = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
QUICK = {"painter": "tests.cluster_painter:Quick", "modules": [str(ROOT / "tests")]}
SOON = {
    "health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3,
    "health_check_timeout_ms": 1000,
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


# -- a real cluster -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """A head and a node, each with 24 GB that it says are of a GPU, and room for two painters of 12."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "_system_config": SOON})
    cluster.add_node(**SMALL)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def fleet(cluster, tmp_path):
    """Engines on the cluster whose painters do as the words say; each is closed in the end."""
    made = []

    def engine(**table):
        table = {
            "model": "any/model",
            "address": cluster.address,
            "actors": 4,
            "gpus": 0,
            "cpus": 0.5,
            "vram_gb": 12,
            "batch": 1,
            **table,
        }
        made.append(Ray(Settings(**table), Wording(ROOT / "templates", tmp_path / "subjects"), tmp_path, **QUICK))
        return made[-1]

    yield engine
    for each in made:
        each.close()


def prompts(*words):
    return [prompt(words=each, scene=each, seed=seed) for seed, each in enumerate(words)]


def painted(engine, asked):
    """Each picture, or what its first try failed with and its second brought."""
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


@with_ray
def test_a_round_is_painted_by_several_actors(fleet):
    """All that is expected goes out at once, nothing is painted twice, and the same seed gives the same bytes."""
    engine = fleet()
    first, failed = painted(engine, prompts(*["sleep 0.2"] * 8))
    again, _ = painted(engine, prompts(*["sleep 0"] * 8))
    assert not failed
    assert 1 < len({each.recipe["pid"] for each in first}) <= 4
    assert [each.data for each in first] == [each.data for each in again]
    assert (first[0].recipe["engine"], first[0].width_px, first[0].height_px) == ("ray", 320, 200)
    assert json.loads(json.dumps(first[0].recipe))["node"]


@with_ray
def test_killing_an_actor_loses_nothing(fleet, tmp_path):
    """The picture in its hand costs one attempt, the others none, and another actor takes its place."""
    engine, flag = fleet(actors=2), tmp_path / "crashed"
    asked = prompts("sleep 0.1", f"crash {flag}", *["sleep 0.1"] * 5)
    pictures, failed = painted(engine, asked)
    assert flag.exists()
    assert len(pictures) == 7
    assert len(failed) == 1
    assert "a painter on the Ray cluster is gone" in failed[0]


@with_ray
def test_of_a_batch_nobody_is_charged_who_paints_well_alone(fleet, tmp_path):
    """An actor that dies over four pictures costs no attempt: each is painted again alone."""
    engine = fleet(actors=1, batch=4)
    pictures, failed = painted(engine, prompts(f"crash {tmp_path / 'once'}", *["sleep 0"] * 3))
    assert (len(pictures), failed) == (4, [])
    assert {each.recipe["batch"] for each in pictures} == {1}


@with_ray
def test_a_node_that_leaves_takes_no_picture_with_it(cluster, fleet, tmp_path):
    """Its pictures cost one attempt each and are painted on the nodes that are left; it may come back."""
    node, go = cluster.add_node(**SMALL), tmp_path / "go"
    engine = fleet(actors=6)
    asked = prompts(*[f"wait {go}"] * 6)
    painting = threading.Thread(target=lambda: out.extend(painted(engine, asked)))
    out = []
    painting.start()
    until(lambda: seated(cluster) == 6, what="six painters")
    cluster.remove_node(node, allow_graceful=False)
    go.touch()
    painting.join(60)
    assert len(out[0]) == 6
    assert len(out[1]) <= 2
    assert len({each.data for each in out[0]}) == 6


def seated(cluster):
    """How many painters the cluster holds, as another process sees it."""
    code = (
        "import ray, sys; ray.init(sys.argv[1], logging_level='ERROR', log_to_driver=False); "
        "print((sum(n['Resources'].get('vram_gb', 0) for n in ray.nodes() if n['Alive']) - ray.available_resources().get('vram_gb', 0)) // 12)"
    )
    ran = subprocess.run([sys.executable, "-c", code, cluster.address], capture_output=True, text=True, check=True)
    return float(ran.stdout.split()[-1])


@with_ray
def test_places_are_given_back(cluster, fleet):
    """At once where nothing is kept alive, and when the engine is closed; the next picture takes them anew."""
    engine = fleet(actors=2)
    painted(engine, prompts("sleep 0.2", "sleep 0.2"))
    assert engine.state()["state"] == "ready"
    engine.close()
    until(lambda: seated(cluster) == 0, what="an empty cluster")
    assert engine.state()["state"] == "asleep"
    assert engine.render(prompts("sleep 0")[0], 320, 200).width_px == 320


@with_ray
def test_a_painting_can_be_stopped(fleet, tmp_path):
    """What progress raises comes out, and the painters are there for the next picture."""
    engine, go = fleet(actors=1), tmp_path / "go"
    pid = engine.render(prompts("sleep 0")[0], 320, 200).recipe["pid"]

    def enough(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.render(prompts(f"wait {go}")[0], 320, 200, enough)
    assert engine.render(prompts("sleep 0")[0], 320, 200).recipe["pid"] == pid


@with_ray
def test_a_subjects_weights_come_to_the_node_as_bytes(fleet, tmp_path):
    """An actor reads them from its own disk, and its subject's pictures stay with it."""
    subject(tmp_path, "rex", b"the weights of rex")
    engine = fleet(actors=2, subject_bases=("base/model",))
    asked = [
        prompt(words=f"sleep 0.{1 + seed % 2}", scene="s", seed=seed, subject="rex" if seed % 2 else None)
        for seed in range(8)
    ]
    pictures, failed = painted(engine, asked)
    assert not failed
    assert {each.recipe["learned"] for each in pictures[1::2]} == {"the weights of rex"}
    assert {each.recipe["learned"] for each in pictures[::2]} == {""}


def subject(data, name, weights):
    folder = data / "subjects" / name
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "subject.toml").write_text(
        f'name = "{name}"\nkind = "dog"\nclass_noun = "corgi"\ntoken = "sks"\nbase = "base/model"\n'
    )


def failing(engine):
    with pytest.raises(EngineError) as caught:
        engine.render(prompts("sleep 0")[0], 320, 200)
    return caught.value


@with_ray
def test_no_room_is_said_or_waited_for(fleet):
    """More than any node has is the owner's to change; what others have is waited for, and costs no attempt."""
    said = str(failing(fleet(vram_gb=80)))
    assert "no node of the Ray cluster has room for a painter (CPU 0.5, vram_gb 80)" in said
    assert "--resources" in said
    all_of_it = fleet(actors=4)
    painted(all_of_it, prompts(*["sleep 0.3"] * 6))
    assert isinstance(failing(fleet(actors=1, vram_gb=24)), NotNow)


@with_ray
def test_a_model_that_no_node_can_read_is_a_sentence(fleet):
    """The next engine takes over."""
    assert "damaged" in str(failing(fleet(model="broken")))


@with_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "no-such-host.invalid:6379"])
def test_a_cluster_that_is_away_is_a_sentence(fleet, address):
    """At once, with what to look at."""
    assert f"no Ray cluster answers at {address}" in str(failing(fleet(address=address)))


@with_ray
def test_a_process_that_spoke_with_the_cluster_and_died_is_replaced(fleet):
    """In between two pictures nobody notices."""
    engine = fleet(actors=1)
    engine.render(prompts("sleep 0")[0], 320, 200)
    os.kill(engine._child._process.pid, signal.SIGKILL)
    engine._child._process.wait()
    assert engine.render(prompts("sleep 0")[0], 320, 200).width_px == 320


# -- the whole command --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def feed():
    with loopback.serving({"news.xml": loopback.rss(loopback.headlines(12))}) as base:
        yield base


@with_ray
@with_torch
def test_once_paints_on_the_cluster(cluster, feed, tmp_path):
    """A real pipeline, tiny and untrained, on actors that were sent this very code."""
    code = "import sys, pathlib; from tests.tiny_model import save; save(pathlib.Path(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "tiny"], cwd=ROOT, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    config = tmp_path / "config.toml"
    config.write_text(
        loopback.config(feed, ["news.xml"], plates=3)
        + f'[engines.ray]\nkind = "ray"\nmodel = "{tmp_path / "tiny"}"\naddress = "{cluster.address}"\nactors = 2\n'
        "gpus = 0\nvram_gb = 12\nsteps = 2\nkeep_alive_minutes = 0\n"
    )
    code, out, err = command("once", "--json", "--engine", "ray", "--config", config, "--data", tmp_path / "data")
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
