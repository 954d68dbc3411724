"""What surrounds the code is sound: locks, make, image, licence, settings, the built wheel."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
TORCH = {"torch", "torchvision", "torchaudio", "triton"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pins(lock, python="3.11"):
    """What a lock installs on Linux: name -> version."""
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    lines = re.findall(r"^([A-Za-z0-9].*?)\s*\\?$", read(f"requirements/{lock}"), re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    return {
        canonicalize_name(r.name): Version(next(iter(r.specifier)).version)
        for r in wanted
        if r.marker is None or r.marker.evaluate(here)
    }


def needs(*extras):
    """What pyproject asks for with the extras, theirs of each other resolved."""
    asked = [Requirement(text) for text in PROJECT["dependencies"]]
    for extra in extras:
        for requirement in map(Requirement, EXTRAS[extra]):
            asked += needs(*requirement.extras) if requirement.name == PROJECT["name"] else [requirement]
    return asked


@pytest.mark.parametrize("python", SUPPORTED)
@pytest.mark.parametrize("extra", ["", "gpu", "train", "ray", "cjk", "embeddings", "faces", "safety", "dev"])
def test_a_lock_satisfies_the_project(extra, python):
    """Each dependency is pinned, to a version that pyproject allows; `make lock` after a change there."""
    locked = pins(f"{extra or 'base'}.txt", python) | (pins("torch.txt") if extra == "dev" else {})
    for need in needs(*[extra] if extra else []):
        if need.marker and not need.marker.evaluate({"python_version": python}):
            continue
        version = locked.get(canonicalize_name(need.name))
        assert version is not None, f"{need} is not locked"
        assert need.specifier.contains(version), f"{need}, locked is {version}"


@pytest.mark.parametrize("python", SUPPORTED)
def test_locks_agree(python):
    """A package has one version in every lock, so that any of them can be added to one environment."""
    seen = {}
    for lock in LOCKS:
        for name, version in pins(lock.name, python).items():
            seen.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_the_default_install_and_the_hashed_dev_lock_hold_no_torch():
    """Gigabytes of CUDA come only with the extras that are asked for."""
    for lock in ("base.txt", "dev.txt", "cjk.txt", "embeddings.txt", "faces.txt", "safety.txt", "build.txt"):
        assert [name for name in pins(lock) if name in TORCH or name.startswith(("nvidia", "cuda"))] == []


def test_locks_are_hashed_and_name_no_index():
    """What is installed is what was locked, from whichever index pip is set up with."""
    for lock in LOCKS:
        text = lock.read_text()
        assert "://" not in text
        if lock.name != "torch.txt":
            assert len(re.findall(r"^[a-z0-9].*==.*\\$", text, re.MULTILINE)) == len(
                re.findall(r"^[a-z0-9]", text, re.MULTILINE)
            )


def test_every_dependency_is_explained():
    """docs/dependencies.md has a line for each, by its name."""
    explained = set(re.findall(r"^\| `([^`]+)`", read("docs/dependencies.md"), re.MULTILINE))
    direct = {r.name for r in needs(*EXTRAS)} | {"hatchling"}
    assert direct - explained == set()
    assert explained - direct - {"editables", "uv"} == set()


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@needs_make
def test_make_alone_lists_its_targets():
    """Whoever types `make` learns what there is."""
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "run", "test", "lint", "bench", "docs-check", "lock", "clean", "gpu", "cjk"):
        assert re.search(rf"^  {target} +\w", told, re.MULTILINE)


def script(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path):
    """What make needs of a checkout, and a function that runs it with these programs first on the PATH."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")

    def make(*words, **programs):
        for name, lines in programs.items():
            script(tmp_path / "bin" / name.replace("_", "-"), lines)
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["make", *words], cwd=tmp_path, capture_output=True, text=True, env={"PATH": path, "PIP_NO_INDEX": "1"}
        )

    make.folder = tmp_path
    return make


@pytest.fixture
def installed(clone):
    """A clone whose .venv is finished; its programs only say how they were called."""
    for name in ("python", "frontispiece"):
        script(clone.folder / ".venv/bin" / name, f'echo "{name} $@"')
    for stamp in (".made", ".base"):
        (clone.folder / ".venv" / stamp).touch()
    return clone


@needs_make
def test_an_old_python_is_refused_in_words(clone):
    """Without Python 3.11 or newer on the PATH, make says so, makes nothing and fails."""
    ran = clone("setup", **dict.fromkeys(("python3", *(f"python{version}" for version in SUPPORTED)), "exit 1"))
    assert ran.returncode != 0
    assert "Python 3.11 or newer" in ran.stderr
    assert not (clone.folder / ".venv").exists()


@needs_make
def test_a_finished_setup_does_nothing(installed):
    """Only when a lock or the project has changed is anything installed again."""
    assert "pip" not in installed("setup").stdout
    later = (installed.folder / ".venv/.base").stat().st_mtime + 10
    os.utime(installed.folder / "requirements/base.txt", (later, later))
    assert "--require-hashes -r requirements/build.txt -r requirements/base.txt" in installed("setup").stdout


@needs_make
def test_a_package_cut_short_is_installed_again(installed):
    """After an interrupted installation, what pip did not finish is gone, and what it finished stays."""
    packages = installed.folder / ".venv/lib/python3.11/site-packages"
    (packages / "half-1.0.dist-info").mkdir(parents=True)
    (packages / "whole-1.0.dist-info").mkdir()
    (packages / "whole-1.0.dist-info/INSTALLER").touch()
    (installed.folder / ".venv/.base").unlink()
    installed("setup")
    assert [path.name for path in packages.iterdir()] == ["whole-1.0.dist-info"]


@needs_make
def test_an_environment_whose_python_is_gone_is_made_again(installed):
    """As after an upgrade of the machine's Python: nobody has to know what a virtual environment is."""
    script(installed.folder / ".venv/bin/python", "exit 127")
    new = 'test "$1" = -m && mkdir -p .venv/bin && ln -sf ../../bin/python3 .venv/bin/python; echo "new $@"'
    ran = installed("setup", python3=new)
    assert "new -m venv .venv" in ran.stdout
    assert "new -m pip" in ran.stdout


@needs_make
def test_run_adds_the_gpu_only_where_there_is_one(installed):
    """Without an NVIDIA GPU nothing is installed; with one, once, what that needs. The arguments are passed on."""
    without = installed("run", "ARGS=--port 9000", nvidia_smi="exit 9")
    assert without.stdout.strip() == "frontispiece run --port 9000"
    first, second = (installed("run", nvidia_smi="exit 0").stdout for _ in range(2))
    assert "requirements/gpu.txt" in first
    assert "requirements/gpu.txt" not in second
    assert second.strip().endswith("frontispiece run")


@needs_make
def test_run_goes_on_when_the_gpu_extra_cannot_be_installed(installed):
    """No network today: the service starts all the same, with what it has."""
    script(installed.folder / ".venv/bin/python", 'test "$1" != -m')
    ran = installed("run", nvidia_smi="exit 0")
    assert "Going on without the GPU" in ran.stderr
    assert ran.stdout.strip().endswith("frontispiece run")


def test_make_uses_nothing_newer_than_macos_has():
    """GNU make 3.81 knows no .ONESHELL, no != and no file function."""
    assert not re.search(r"\.ONESHELL|!=\s|\$\(file |::=", read("Makefile"))


KEYS = {
    "": {"timezone", "watermark", "web", "channels", "displays", "embeddings", "store", "net", "critic"},
    "web": {"host", "port", "login", "hosts"},
    "channels.home": {
        "feeds", "mood", "editor", "engines", "subjects", "together", "style", "template", "cadence_minutes", "plates_per_round",
        "max_age_hours",
    },
    "displays.0": {"name", "kind", "address", "profile", "channel"},
    "critic": {"max_pictures", "max_calls", "seconds", "nsfw_above"},
    "embeddings": {"model", "languages"},
    "store": {"keep_days", "keep_gb"},
    "net": {"allow_private"},
}  # fmt: skip


@pytest.mark.parametrize("table", KEYS)
def test_the_shipped_settings_have_every_key(table):
    """Keys keep their names: a config.toml that someone wrote goes on working."""
    place = tomllib.loads(read("config.toml"))
    for part in filter(None, table.split(".")):
        place = place[int(part) if part.isdigit() else part]
    assert set(place) == KEYS[table]


def test_the_shipped_settings_are_the_defaults():
    """Deleting a line of config.toml changes nothing."""
    settings = pytest.importorskip("service.settings", reason="there are no settings in this tree")
    assert settings.Settings.model_validate(tomllib.loads(read("config.toml"))) == settings.Settings()


def test_every_active_line_of_the_settings_is_explained():
    """A comment stands at the end of each key's line, or of its list's first."""
    lines = read("config.toml").splitlines()
    assert [line for line in lines if re.match(r"[a-z_]+ = ", line) and " # " not in line] == []


def stages(text):
    """The stages of a Dockerfile by name, each with what it stands on."""
    found, texts = {}, re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    for body in texts:
        base, _, name = body.splitlines()[0].partition(" AS ")
        found[name] = found.get(base, "") + body
    return found


@pytest.mark.parametrize("target", ["service", "gpu"])
def test_the_image_runs_as_nobody_and_knows_its_health(target):
    """Non-root by number, one volume, a health check, and the same settings file that is shipped."""
    stage = stages(read("Dockerfile"))[target]
    assert re.search(r"^USER [1-9]\d+$", stage, re.MULTILINE)
    assert re.findall(r"^VOLUME (.*)$", stage, re.MULTILINE) == ["/data"]
    assert "/healthz" in re.search(r"^HEALTHCHECK .*\\\n(.*)$", stage, re.MULTILINE).group(1)
    assert list(stages(read("Dockerfile")))[-1] == "service"  # what `docker build .` makes


def test_the_health_check_is_python():
    """The line that asks /healthz compiles."""
    ast.parse(re.search(r'"-c", "(.*)"\]', read("Dockerfile")).group(1))


def test_the_image_is_built_from_what_is_there():
    """Each file that the Dockerfile copies, and that the package needs, exists and is not ignored."""
    kept = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    copied = re.findall(r"^COPY (?!--from)(\S+) ", read("Dockerfile"), re.MULTILINE)
    assert {name.rstrip("/") for name in copied} - {"."} <= kept
    assert {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "service", "templates"} <= kept


def test_compose_is_one_service_with_one_volume():
    """It runs without any other file, publishes the port and keeps the data."""
    compose = yaml.safe_load(read("compose.yaml"))
    (service,) = compose["services"].values()
    assert service["ports"] == ["8080:8080"]
    assert "data:/data" in service["volumes"]
    assert list(compose["volumes"]) == ["data"]
    assert not service["env_file"][0]["required"]


def test_ci_runs_the_same_script_everywhere():
    """The workflow mirrors .ci/run, on the oldest and a current Python."""
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    job = workflow["jobs"]["check"]
    assert job["steps"][-1]["run"] == ".ci/run"
    assert PROJECT["requires-python"].removeprefix(">=") in job["strategy"]["matrix"]["python"]
    assert os.access(ROOT / ".ci/run", os.X_OK)


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_a_clone_stays_small():
    """No file above 13 MB, 40 MB in all: fonts and pictures are the only large things."""
    sizes = {name: (ROOT / name).stat().st_size for name in tracked()}
    assert {name: size for name, size in sizes.items() if size > 13e6} == {}
    assert sum(sizes.values()) < 40e6


def test_the_licence_is_apache():
    """The whole text, and the notice that its fourth section speaks of."""
    assert "Apache License\n                           Version 2.0, January 2004" in read("LICENSE")
    assert "END OF TERMS AND CONDITIONS" in read("LICENSE")
    assert read("NOTICE").startswith("Frontispiece\nCopyright")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="hatchling is not installed; make test installs it")
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out], cwd=ROOT, check=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    """Fonts, tables, templates and the settings travel with the code."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name for name in tracked() if name.startswith(("service/", "personalization/"))}
    wanted |= {f"service/_{name}" for name in tracked() if name.startswith("templates/") or name == "config.toml"}
    assert wanted - inside == set()
    assert not [name for name in inside if name.startswith(("tests/", "templates/", "bench/", "data/"))]


def test_the_wheel_works_by_itself(wheel, tmp_path):
    """Unpacked far from the checkout, it imports, and finds what it ships."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import service, personalization.errors, pathlib; print(pathlib.Path(service.__file__).parent)"
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.strip() == str(tmp_path / "service"), ran.stderr
    assert (tmp_path / "service/_config.toml").read_text() == read("config.toml")
    assert (tmp_path / "service/_templates").is_dir()
