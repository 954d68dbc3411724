"""How long the house editor takes a headline (decide and describe), warm, and what its first headline costs.

Run from the repository's root: ``python bench/editor.py``. Prints milliseconds.
"""

import hashlib
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import pydantic

pydantic.create_model("Warm")  # the service has used pydantic long before an editor is asked for

started = time.process_time()
from service.editors.house import House  # noqa: E402

imported = time.process_time() - started
from bench.machine import machine  # noqa: E402
from service.model import Mood, Story, Verdict  # noqa: E402
from service.protocols import Brief  # noqa: E402
from service.sample import edition  # noqa: E402

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ROUNDS = 40


def stories():
    titles = [(plate.story.title, plate.story.language) for plate in edition("home")]
    for n in range(ROUNDS):
        for title, language in titles:
            name = f"{title} {n}"
            yield Story(hashlib.sha256(name.encode()).hexdigest(), "f", "s", name, "", "", language, NOON)


def main():
    print(machine())
    house, recent, spent = House(), [], []
    verdict = Verdict(0.1, Mood.CALM, (), "", subject_allowed=True)
    for story in stories():
        begun = time.process_time()
        house.decide([(story, verdict)])
        prompt = house.describe(story, Brief(verdict, "papercut", NOON, tuple(recent[:192])))
        spent.append(1000 * (time.process_time() - begun))
        recent.insert(0, prompt.scene)
    first, warm = spent[0], sorted(spent[len(spent) // ROUNDS :])
    print(f"import {1000 * imported:.1f} ms CPU after pydantic; first headline {first:.0f} ms (reads the bank)")
    print(
        f"{len(warm)} headlines, CPU: median {statistics.median(warm):.3f} ms, p99 {warm[int(len(warm) * 0.99)]:.3f} ms"
    )


if __name__ == "__main__":
    main()
