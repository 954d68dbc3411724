"""The documents tell the truth: links lead somewhere, code runs, settings parse, commands exist."""

import re
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest
import yaml

from service.surroundings import Surroundings

from .values import prompt

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("templates/*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = {  # what `frontispiece --help` lists
    "run", "once", "status", "check", "retry", "feeds", "skipped", "let", "parse", "judge", "cluster", "describe", "paint",
    "slide", "favourite", "ban", "mood", "repaint", "editor", "displays", "subject", "not-me", "next", "previous", "pause", "resume", "show", "pair", "unpair", "token", "watermark",
}  # fmt: skip

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def anchor(heading):
    """The name that a heading gets as the target of a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(path):
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)}


@each_document
def test_links_lead_somewhere(path):
    """Each relative link names a file of the checkout, and each #part a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, part = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if ROOT / "templates/slides" in file.parents and not (ROOT / "templates/slides").exists():
            continue
        assert file.exists(), target
        assert not part or part in anchors(file), target


@each_document
def test_code_and_settings_in_documents_parse(path):
    """A block that can be copied can be used."""
    text = path.read_text(encoding="utf-8")
    for code in blocks(text, "python"):
        compile(code, path.name, "exec")
    for table in blocks(text, "toml"):
        tomllib.loads(table)
    for document in blocks(text, "ya?ml"):
        yaml.safe_load(document)


@each_document
@pytest.mark.skipif(not shutil.which("sh"), reason="there is no sh")
def test_shell_lines_in_documents_parse(path):
    """A line for the terminal has its quotes closed."""
    for script in blocks(path.read_text(encoding="utf-8"), "sh"):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)


@each_document
def test_commands_in_documents_exist(path):
    """No document names a make target or a command that there is not."""
    text = path.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"`([^`\n]+)`", text) + blocks(text, "sh"))
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for words in re.findall(r"\bmake((?: [a-z][a-z-]*)+)", code):
        assert set(words.split()) <= targets
    named = set(re.findall(r"(?:^|/| )frontispiece ([a-z][a-z-]*)", code, re.MULTILINE))
    assert named <= COMMANDS


@pytest.mark.skipif(not (ROOT / "service/cli.py").exists(), reason="the command is not in this tree")
def test_the_commands_that_documents_may_name_are_the_programs():
    """The list above is what `frontispiece --help` shows."""
    command = [sys.executable, "-c", "from service.cli import main; main()", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"TERM": "dumb", "COLUMNS": "100"})
    assert set(re.findall(r"^[│| ] ([a-z][a-z-]*) {2,}\S", told.stdout, re.MULTILINE)) >= COMMANDS, (
        told.stdout + told.stderr
    )


def test_the_example_engine_is_an_engine():
    """The engine in docs/adapters.md, put into its folder, paints: same seed, same picture, at any shape."""
    (source,) = blocks((ROOT / "docs/adapters.md").read_text(encoding="utf-8"), "python")
    module = types.ModuleType("service.engines.dusk")
    module.__package__ = "service.engines"
    exec(compile(source, "dusk.py", "exec"), vars(module))
    engine = module.make(module.Settings(glow=230), Surroundings("evening", ROOT, ROOT / "templates"))
    picture = engine.render(prompt(), 320, 200)
    assert picture == engine.render(prompt(), 320, 200)
    assert (picture.width_px, picture.height_px, picture.suffix) == (320, 200, ".png")
    assert picture.data != engine.render(prompt(seed=8), 320, 200).data
    engine.close()
    engine.close()


def test_the_example_engine_passes_the_type_checker(tmp_path):
    """It satisfies the Engine protocol as strictly as our own code does."""
    pytest.importorskip("mypy")
    (source,) = blocks((ROOT / "docs/adapters.md").read_text(encoding="utf-8"), "python")
    check = (
        "\n\nfrom ..protocols import Engine\n\nengine: Engine = make(Settings(), Surroundings('x', Path(), Path()))\n"
    )
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=shutil.ignore_patterns("*.woff2", "__pycache__"))
    file = tmp_path / "service/engines/dusk.py"
    file.write_text(source + "\nfrom pathlib import Path" + check)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", str(file)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
