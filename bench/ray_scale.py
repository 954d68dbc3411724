"""How well painting on a Ray cluster scales, and what our rows can take: python -m bench.ray_scale

Two nodes of one local cluster hold 1 and then 8 actors, whose painter sleeps half a second and hands back a picture of
1024x608: what is measured is everything around the painting. And what the store takes, without Ray.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image

from bench.machine import ROOT, machine
from service import clock
from service.engines.job import Painted
from service.engines.ray import Ray, Settings
from service.engines.settling import Home
from service.engines.wording import Wording
from service.model import Mood, Picture, Prompt, Story, Verdict
from service.protocols import Fetched
from service.store import Store

SIZE = 1024, 608
JOB_S, ACTORS, PICTURES, PLATES = 0.5, 8, 20, 500
BAR = 0.9  #: of linear


class Sleeper:
    """A painter that takes its time and no processor."""

    def load(self, model, *, haste):
        return {"model": model.name}

    def render(self, jobs, steps):
        time.sleep(JOB_S * len(jobs))
        return [Painted(sky(job.seed), *SIZE, {"fits": 1}) for job in jobs]


def sky(seed):
    """A picture that is no flat colour and, as a painting, no noise."""
    light = Image.linear_gradient("L").resize(SIZE)
    return Image.merge(
        "RGB", (light, light.point(lambda level: level // 2), Image.new("L", SIZE, seed % 256))
    ).tobytes()


def prompt(seed):
    return Prompt(scene="a boat", words="a boat", mood=Mood.CALM, topic="sea", seed=seed)


def round_s(engine, pictures, first):
    """Seconds for a round whose pictures are asked for one by one, as the pipeline does."""
    asked = [prompt(first + number) for number in range(pictures)]
    began = time.monotonic()
    engine.expect(asked, 1024, 600)
    for each in asked:
        engine.render(each, 1024, 600)
    took = time.monotonic() - began
    engine.expect((), 1024, 600)
    return took


def speed(address, actors, data):
    """Pictures a second of a fleet whose actors are all there."""
    settings = Settings(model="none", address=address, actors=actors, gpus=0, cpus=1, batch=1)
    sent = {"painter": "bench.ray_scale:Sleeper", "modules": [str(ROOT / "bench")]}
    engine = Ray(settings, Wording(ROOT / "templates", data / "subjects"), Home(data), **sent)
    try:
        warm = round_s(engine, 8 * actors, 10**6)
        took = [round_s(engine, PICTURES * actors, 1000 * number) for number in range(3)]
    finally:
        engine.close()
    rates = sorted(PICTURES * actors / each for each in took)
    print(f"{actors} actors: {rates[1]:.2f} pictures/s ({rates[0]:.2f} … {rates[2]:.2f}), {PICTURES * actors} a round; "
          f"with joining the cluster and starting the actors, {8 * actors} took {warm:.1f} s")  # fmt: skip
    return rates[1]


def store_speed(folder):
    """Plates a second through the writes that each picture costs the store; one process, a transaction each."""
    store = Store(folder, clock.now)
    stories = [
        Story(f"{number:064x}", "http://f.example/", "The Gull", f"Headline {number}", "", "", "en", clock.now())
        for number in range(PLATES)
    ]  # fmt: skip
    verdict = Verdict(gravity=0.1, mood=Mood.CALM, topics=(), why="")
    store.visited("http://f.example/", Fetched(tuple(stories)), clock.now())
    store.judged([(story.id, verdict) for story in stories])
    file = io.BytesIO()
    Image.frombytes("RGB", (1024, 600), os.urandom(1024 * 600 * 3)).save(file, "JPEG", quality=60)
    began = time.monotonic()
    for story in stories:
        store.chosen("home", story.id, verdict, text_only=False)
    plates = store.unfinished()
    for number, plate in enumerate(plates):
        store.described(plate, prompt(number))
        store.begin(plate)
        data = file.getvalue() + number.to_bytes(4, "big")  # another picture, another file
        store.rendered(plate, store.keep(Picture(data, ".jpg", 1024, 600, {"engine": "bench"})))
    took = time.monotonic() - began
    size_kb = len(file.getvalue()) // 1000
    print(f"store: {len(plates) / took:.0f} plates/s, chosen to rendered, files of {size_kb} kB")


def main():
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        store_speed(Path(folder) / "data")
    try:
        from ray.cluster_utils import Cluster
    except ImportError:
        print("the cluster is not measured: run `make ray`")
        return
    node = {"num_cpus": ACTORS // 2, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**node)
    try:
        with tempfile.TemporaryDirectory() as folder:
            one, many = (speed(cluster.address, actors, Path(folder)) for actors in (1, ACTORS))
    finally:
        cluster.shutdown()
    ideal = 1 / JOB_S
    print(f"{ACTORS} actors: {many / (ACTORS * one):.3f} of {ACTORS} times one, {many / (ACTORS * ideal):.3f} of what "
          f"{JOB_S} s a picture allows (>= {BAR})")  # fmt: skip


if __name__ == "__main__":
    main()
