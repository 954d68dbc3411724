"""Kill rounds at random moments with SIGKILL, then let one finish, and look for damage.

    python bench/crash.py --kills 100

Exits 1 with a line for every broken promise: a lost plate, a plate shown twice in a row, a half-written file that a
row names, a database that is not whole.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import loopback
from bench.machine import machine
from service.store import Store

PLATES = 6


def once(config: Path, data: Path, kill_after: float | None) -> bool:
    """One round; True if it was killed before it ended."""
    command = [sys.executable, "-m", "service.cli", "once", "--json", "--config", str(config), "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, err = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit(f"a round ended with {process.returncode}:\n{err.decode()}")
    return False


def make_due(data: Path) -> None:
    """Let the feed be visited: a visit that was cut off is else not repeated for half an hour."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(data / "frontispiece.db")) as db, db:
        db.execute("UPDATE feeds SET next_check = NULL")


def spoil(data: Path, dice: random.Random) -> None:
    """Cut some pictures short, so that every round has painting to do, and has to notice."""
    files = sorted((data / "pictures").glob("??/*.jpg"))
    for file in dice.sample(files, min(len(files), PLATES)):
        file.write_bytes(file.read_bytes()[: dice.randrange(500)])


def plates(data: Path) -> set[int]:
    """The plates there are at this moment."""
    try:
        return {row[0] for row in sqlite3.connect(data / "frontispiece.db").execute("SELECT id FROM plates")}
    except sqlite3.OperationalError:  # killed before there was a table
        return set()


def damage(data: Path, seen: set[int]) -> list[str]:
    """Every promise that the folder breaks; ``seen`` are the plates that were there at any moment."""
    store = Store(data)
    db, broken = store.db, []
    (whole,) = db.execute("PRAGMA integrity_check").fetchone()
    if whole != "ok":
        broken.append(f"integrity_check: {whole}")
    steps = Counter(row["step"] for row in db.execute("SELECT step FROM plates"))
    if set(steps) != {"rendered"}:
        broken.append(f"plates are {dict(steps)}")
    broken += [f"plate {plate} is lost" for plate in seen - plates(data)]
    for row in db.execute("SELECT picture FROM plates WHERE picture IS NOT NULL"):
        try:
            store.folder.read(row["picture"])
        except (OSError, ValueError) as error:
            broken.append(str(error))
    shown = [row["plate"] for row in db.execute("SELECT plate FROM showings WHERE display = 'hall' ORDER BY id")]
    broken += [f"plate {a} was shown twice in a row" for a, b in pairwise(shown) if a == b]
    broken += [f"{part} was left" for part in (data / "pictures").glob("*/*.part")]
    return broken


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    print(machine())
    dice = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder, loopback.serving(
        {"news.xml": loopback.rss(loopback.headlines(40))}
    ) as base:  # fmt: skip
        config, data = Path(folder) / "config.toml", Path(folder) / "data"
        config.write_text(loopback.config(base, ["news.xml"], plates=PLATES))
        began = time.monotonic()
        once(config, Path(folder) / "warm", None)
        whole = time.monotonic() - began
        killed, seen = 0, set[int]()
        for _ in range(asked.kills):
            spoil(data, dice)
            make_due(data)
            killed += once(config, data, dice.uniform(0.1, 1.05) * whole)
            seen |= plates(data)
        make_due(data)
        once(config, data, None)
        broken = damage(data, seen)
    print(f"{killed} of {asked.kills} rounds killed (a whole one takes {whole:.1f} s), {len(seen)} plates seen")
    print("\n".join(broken) or "nothing lost, nothing twice, nothing half-written, database whole")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
