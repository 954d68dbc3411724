"""One process at a time has the GPU, whoever dies."""

import json
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from service.errors import DataFolderError, GpuBusy
from service.gpu import Gpu, holder

ROOT = Path(__file__).parent.parent
PATIENT_S = 30  # a busy machine's; nothing here takes a second by itself

#: a trainer: says when it has the GPU and by then what the painter said, and lets go when its input closes
TRAINER = """
import sys, pathlib
from service.errors import GpuBusy
from service.gpu import Gpu
gpu = Gpu(pathlib.Path(sys.argv[1]), "learning " + sys.argv[2])
try:
    gpu.take(float(sys.argv[3]))
except GpuBusy as busy:
    print(busy, flush=True)
    raise SystemExit(1)
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def trainer(tmp_path):
    started = []

    def start(name="rex", seconds=PATIENT_S):
        command = [sys.executable, "-c", TRAINER, str(tmp_path), name, str(seconds)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=ROOT, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process):
    return process.stdout.readline().strip()


def test_a_second_trainer_is_told_who_learns(trainer, tmp_path):
    """One that does not wait is refused with a sentence, and the first goes on."""
    first = trainer("rex")
    assert said(first) == "has it"
    second = trainer("mia", seconds=0)
    assert said(second) == f"waiting for the GPU: learning rex (process {first.pid})"
    assert second.wait(PATIENT_S) == 1
    assert holder(tmp_path) == f"learning rex (process {first.pid})"


def test_a_trainer_that_waits_has_its_turn(trainer, tmp_path):
    """It is seen waiting, by name, and has the GPU as soon as it is let go of."""
    mine = Gpu(tmp_path, "painting")
    mine.take()
    assert mine.wanted() == ""
    waiting = trainer("rex")
    while not mine.wanted():
        assert waiting.poll() is None
    assert mine.wanted() == f"learning rex (process {waiting.pid})"
    mine.release()
    assert said(waiting) == "has it"


def test_only_one_waits(trainer, tmp_path):
    """Who comes after one that waits is told of that one."""
    mine = Gpu(tmp_path, "painting")
    mine.take()
    waiting = trainer("rex")
    while not mine.wanted():
        assert waiting.poll() is None
    with pytest.raises(GpuBusy, match=f"learning rex \\(process {waiting.pid}"):
        Gpu(tmp_path, "learning mia").take()
    mine.release()
    assert said(waiting) == "has it"


def test_a_killed_process_holds_nothing(trainer, tmp_path):
    """The lock goes with the process, and what it wrote is not believed."""
    process = trainer("rex")
    assert said(process) == "has it"
    process.kill()
    process.wait()
    assert holder(tmp_path) == ""
    with Gpu(tmp_path, "painting") as mine:
        assert holder(tmp_path).startswith("painting")
        mine.take()  # what is held already is held


def test_waiting_can_be_given_up(tmp_path):
    """Whoever stops the service need not wait for a trainer."""
    with Gpu(tmp_path, "learning rex"):
        stop = threading.Event()
        stop.set()
        with pytest.raises(GpuBusy):
            Gpu(tmp_path, "painting").take(PATIENT_S, stop.is_set)


def test_cards_have_locks_of_their_own(tmp_path):
    """The second card is not the first; "auto" and number 0 are."""
    with Gpu(tmp_path, "learning rex", "cuda:1"), Gpu(tmp_path, "painting"):
        assert holder(tmp_path, "cuda:1").startswith("learning rex")
        with pytest.raises(GpuBusy):
            Gpu(tmp_path, "painting", "cuda:0").take()


@pytest.mark.parametrize("junk", ["", "{", "[]", '"x"', "\0\0", json.dumps({"pid": 1})])
def test_a_lock_with_nonsense_in_it_is_held_all_the_same(tmp_path, junk):
    """Who holds it could not write, or another program wrote into it."""
    with Gpu(tmp_path, "painting"):
        (tmp_path / "gpu.lock").write_text(junk)
        with pytest.raises(GpuBusy, match="another process"):
            Gpu(tmp_path, "learning rex").take()


def test_a_full_disk_keeps_nobody_from_the_gpu(tmp_path):
    """Nobody reads who has it, and it is held and given back all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with Gpu(tmp_path, "learning rex"), pytest.raises(GpuBusy, match="waiting for the GPU: another process"):
            Gpu(tmp_path, "painting").take()
        Gpu(tmp_path, "painting").take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    """Named, with what is wrong."""
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderError, match=r"gpu\.queue cannot be written: "):
        Gpu(tmp_path / "file", "painting").take()
