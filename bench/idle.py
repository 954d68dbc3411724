"""What the service weighs when it has nothing to do: resident memory of its processes.

    python bench/idle.py [--rest 8]

RSS counts pages that processes share once for each of them, PSS divides them; the bar is on RSS of the whole tree, with
headlines in Latin script only. The last line is with the faces of all scripts, Chinese, Japanese and Korean too. The
service gives free memory back every 30 seconds, so a rest is a little longer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import loopback
from bench.machine import ROOT, command, first_answer, get, machine, running
from service.sample import edition

BAR_MB = 150
HEAVY = ("torch", "diffusers", "transformers")


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def weight(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process, MB."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, number = line.split(":")
        sizes[name] = int(number.split()[0]) / 1000 * 1.024
    return sizes["Rss"], sizes["Pss"]


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def say(when: str, pid: int) -> float:
    """Print what the whole tree weighs; returns RSS."""
    processes = tree(pid)
    rss, pss = (sum(column) for column in zip(*map(weight, processes), strict=True))
    print(f"{when:44} RSS {rss:6.1f} MB   PSS {pss:6.1f} MB   {len(processes)} process(es), {threads(pid)} threads")
    return rss


def main() -> int:
    if not Path("/proc/self/smaps_rollup").exists():
        print("this needs Linux: there is no /proc/self/smaps_rollup here")
        return 0
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rest", type=float, default=33, help="seconds without any request before weighing")
    rest = arguments.parse_args().rest
    print(machine())
    documents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as name, loopback.serving(documents) as base:
        config, data = Path(name) / "config.toml", Path(name) / "data"
        config.write_text(loopback.config(base, ["news.xml"], plates=4, dwell=1))
        with running(config, data) as (process, port):
            first_answer(port, "/healthz")
            time.sleep(3)
            say("started, nobody asked", process.pid)
            first_answer(port, "/d/hall.jpg")
            time.sleep(rest)
            say("the first slide", process.pid)
            for n in range(3):
                documents["news.xml"] = loopback.rss(loopback.headlines(40)[n * 10 :])
                do("retry", "--config", str(config), "--data", str(data))
                do("once", "--config", str(config), "--data", str(data))
                visit(port)
            time.sleep(rest)
            last = say("3 rounds of 4, every page and slide looked at", process.pid)
            for package in HEAVY:
                assert f"/{package}/" not in Path(f"/proc/{process.pid}/maps").read_text(), f"{package} is in memory"
            for plate in edition("home"):
                assert get(port, f"/plates/{plate.id}.jpg?profile=nest-hub")[0] == 200
            time.sleep(rest)
            say("the sample edition, every script, CJK too", process.pid)
    print(f"idle RSS {last:.0f} MB, the bar is {BAR_MB} MB; {', '.join(HEAVY)}: not in memory")
    return 0


def visit(port: int) -> None:
    """What a person's browser asks for: the index with its slides, the live page with its slide."""
    for path in ("/", "/d/hall.jpg", "/d/hall", "/d/hall/now.json", "/d/hall/now.json?w=1280&h=720", "/status"):
        assert get(port, path)[0] == 200, path
    page = get(port, "/")[1].decode()
    for part in page.split('src="/plates/')[1:]:
        assert get(port, "/plates/" + part.split('"')[0])[0] == 200


def do(*words: str) -> None:
    subprocess.run(command(*words), cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
