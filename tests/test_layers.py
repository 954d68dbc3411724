"""Imports only go down, and what is heavy stays outside the service process. The map is docs/architecture.md's."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {
    "__init__", "errors", "model", "clock", "profiles", "characters", "cutting", "faces", "language", "text", "cache",
    "addresses", "wire", "daily", "files", "frames", "gpu", "guesses", "hanging", "memory", "metered", "nights", "styles",
    "pixels", "surroundings", "walled", "walls",
}  # fmt: skip
SEAMS = {"settings", "broker", "reading", "mistakes", "protocols", "subjects", "album", "onephoto", "anew", "progress"}
ADAPTERS = {"sources", "editors", "engines", "displays"}
ROOMS = {"store", "net", "gate", "choice", "skipping", "compose", "sample", "embedding", "keys", "decency", "watermark"}
WORK = {
    "pipeline", "gatekeeper", "hand", "learning", "pairing", "roster", "soundness", "wall", "press", "stills", "studio",
    "trials",
}  # fmt: skip
DOORS = {"schedule", "mqtt", "web", "cli", "checking", "doors", "telling"}
FLOORS = [GROUND, SEAMS, ADAPTERS | ROOMS, WORK, {"assembly"}, DOORS]  # from the ground up
HEAVY = {"torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "ray"}
ONE_FILE_EACH = ("openai", "paho", "pychromecast", "feedparser", "trafilatura", "websockets")


def module_of(path):
    """``service/web/app.py`` is ``service.web.app``; a package is its ``__init__``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def files(package):
    return {module_of(path): path for path in sorted((ROOT / package).rglob("*.py"))}


def absolute(module, node):
    """The full name that a ``from`` import starts at."""
    if not node.level:
        return node.module
    start = module.split(".")[: -node.level]
    return ".".join([*start, node.module] if node.module else start)


def targets(module, node):
    """The full names of what one import statement imports; of a package's parts, the parts."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = absolute(module, node)
    return [f"{base}.{a.name}" if is_module(f"{base}.{a.name}") else base for a in node.names]


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@cache
def imports(module, path, *, at_start=False):
    """Everything a file imports; ``at_start``: only what runs when the file itself is imported."""
    found, waiting = [], list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += targets(module, node)
        elif at_start and (isinstance(node, ast.FunctionDef | ast.Lambda) or typing_only(node)):
            continue
        waiting += ast.iter_child_nodes(node)
    return found


def typing_only(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def room(module):
    """The file or package right below ``service``: the part of a name that has a floor."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def floor(name):
    return next((number for number, rooms in enumerate(FLOORS) if name in rooms), None)


def edges(package="service"):
    """Every import of the service's modules by a module of the package."""
    for module, path in files(package).items():
        for target in imports(module, path):
            if target.split(".")[0] == "service":
                yield module, target


def test_every_module_has_a_floor():
    """A new module is given its place in FLOORS before it can be imported from anywhere."""
    assert {room(module) for module in files("service") if floor(room(module)) is None} == set()


def test_imports_only_go_down():
    """No module imports from a higher floor, not even inside a function."""
    wrong = [f"{a} -> {b}" for a, b in edges() if (floor(room(a)) or 0) < (floor(room(b)) or 0)]
    assert wrong == []


def test_nothing_imports_in_a_circle():
    """On one floor, too, imports have a direction."""
    graph = {}
    for a, b in edges():
        if a.split(".")[-1] != "__init__" and is_module(b):
            graph.setdefault(a, set()).add(b)
    try:
        TopologicalSorter({a: others - {a} for a, others in graph.items()}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_an_adapter_knows_only_its_own_package_and_the_ground():
    """An adapter imports ground, protocols, net and itself: never the store, the pipeline or another adapter."""
    known = GROUND | {"protocols", "net", "settings", "subjects", "album", "onephoto", "anew", "progress"}
    wrong = [f"{a} -> {b}" for a, b in edges() if room(a) in ADAPTERS and room(b) not in known | {room(a)}]
    assert wrong == []


def test_deciding_and_composing_reach_nothing():
    """Gate, choice, composer and sample are values in, values out: no database, no network, no adapter."""
    reach = ADAPTERS | {"store", "net"}
    assert [f"{a} -> {b}" for a, b in edges() if room(a) in ROOMS - reach and room(b) in reach] == []


def test_the_rooms_with_walls_know_no_other_room():
    """The database and the network are joined to the rest by the pipeline."""
    wrong = [
        f"{a} -> {b}" for a, b in edges() if room(a) in {"store", "net"} and room(b) in ADAPTERS | ROOMS - {room(a)}
    ]
    assert wrong == []


def test_the_service_never_imports_personalization():
    """They meet in a folder."""
    wrong = [
        m for m, path in files("service").items() for t in imports(m, path) if t.split(".")[0] == "personalization"
    ]
    assert wrong == []


def test_personalization_stands_on_the_ground_only():
    """Training knows the service's nouns, errors and a subject's card, and nothing above them."""
    known = GROUND | {"subjects", "album", "onephoto", "anew", "progress"}
    assert [f"{a} -> {b}" for a, b in edges("personalization") if room(b) not in known] == []


def test_heavy_packages_are_imported_at_first_use():
    """Importing any file of the service never imports a machine-learning package."""
    wrong = [
        f"{m} -> {t}" for m, path in files("service").items()
        for t in imports(m, path, at_start=True) if t.split(".")[0] in HEAVY
    ]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("package", ONE_FILE_EACH)
def test_a_foreign_client_lives_in_one_file(package):
    """What a library calls things, and how it fails, is known in one place of a room."""
    where = {m for m, path in files("service").items() for t in imports(m, path) if t.split(".")[0] == package}
    assert len(where) == len({room(m) for m in where})


APP = """
import sys, pathlib
import service.cli
from service.assembly import opened
from service.settings import Settings
from service.web.app import create
with opened(Settings(), pathlib.Path(sys.argv[1])) as s:
    create(s.wall, templates=s.templates, secret="x")
print(*sorted(set(sys.argv[2:]) & set(sys.modules)))
"""


PARTS = ("cli", "web.app", "sample", "editors.house", "engines.papercut")


@pytest.mark.skipif(not all(is_module(f"service.{part}") for part in PARTS), reason="this tree has no whole service")
def test_the_service_process_never_imports_torch(tmp_path):
    """With the command imported and the web application built, no machine-learning package is in memory."""
    command = [sys.executable, "-c", APP, str(tmp_path), *HEAVY]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == ""
