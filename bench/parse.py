"""Measure reading documents: bench/parse.py [FOLDER [COUNT [SEED]]]

feedparser's own suite and COUNT (2,000) damaged documents, by one ``frontispiece parse FILE… --json`` for each; and the
documents of FOLDER as they are. What is damaged are the documents of FOLDER, or else those of our own making.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.machine import ROOT, command, machine
from tests.documents import mutants, newspapers, suite


def measure(what: str, documents: Mapping[str, bytes]) -> None:
    """Print what one command made of documents, and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{at}-{Path(name).name}") for at, name in enumerate(documents)]
        for file, body in zip(files, documents.values(), strict=True):
            file.write_bytes(body)
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run(
            command("parse", "--json", "--data", Path(folder, "data"), *files), capture_output=True, cwd=ROOT, text=True
        )
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if told.returncode not in (0, 1):
        sys.exit(told.stderr)
    results = [json.loads(line) for line in told.stdout.splitlines()]
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = sum(map(len, documents.values())) / 1e6
    stories = [len(result["stories"]) for result in results]
    print(
        f"{what}: {len(results)} of {len(files)} documents told, {size:.1f} MB, {wall:.1f} s, {used:.1f} s CPU; "
        f"{sum(result['ok'] for result in results)} are feeds, {sum(count > 0 for count in stories)} with stories, "
        f"{sum(stories)} stories"
    )
    reasons = Counter(result["error"].split(":")[0] for result in results if not result["ok"])
    for reason, count in reasons.most_common(8):
        print(f"    {count:5} {reason}")


def main(folder: str = "", count: str = "2000", seed: str = "1") -> None:
    print(machine())
    whole = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())} if folder else newspapers()
    measure("whole", whole)
    measure("feedparser's suite", suite())
    measure("damaged", {f"{at}.xml": body for at, body in enumerate(mutants(whole.values(), int(count), int(seed)))})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"largest process: {peak:.0f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
