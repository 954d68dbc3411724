"""What of subjects' weights stays on a cluster: a fleet with real seats, and no cluster."""

import hashlib
from pathlib import Path

from hypothesis import given, strategies as st

from service.engines.fleet import Fleet
from service.engines.job import Job, Learned
from service.engines.luggage import MOST, Luggage
from service.engines.seat import Seat
from service.engines.shares import Place, Terms


class Called:
    """A method that is called at once, and leaves what came of it."""

    def __init__(self, method):
        self.method = method

    def remote(self, *told):
        self.came = self.method(*(one.data if isinstance(one, Laid) else one for one in told))
        return self


class Laid:
    """Bytes where every node can take them from."""

    def __init__(self, data):
        self.data = data


class Actor:
    def __init__(self, seat):
        self.seat = seat

    def __getattr__(self, name):
        return Called(getattr(self.seat, name))


class Here:
    """Room for one painter, on this machine."""

    def __init__(self):
        self.seats, self.laid = [], []

    def room(self, ours):
        return 1 - ours

    def capacity(self):
        return 1

    def seat(self):
        self.seats.append(Seat("tests.cluster_painter:Quick"))
        return Actor(self.seats[-1])

    def put(self, data):
        self.laid.append(Laid(data))
        return self.laid[-1]

    def done(self, references, seconds):
        return list(references)

    def got(self, reference):
        return reference.came

    def end(self, actor):
        pass


def learned(folder, subject, version):
    path, data = folder / f"{subject}.safetensors", f"{subject} {version}".encode()
    path.write_bytes(data)
    return Learned(subject, str(path), hashlib.sha256(data).hexdigest())


def files(here):
    return sorted(path.read_text() for path in Path(here.seats[0]._folder.name).iterdir())


def test_of_each_subject_the_latest_weights_stay(tmp_path):
    """On the nodes' disks and in the cluster's memory; each is sent once, and painted as it was asked for."""
    here, kept = Here(), []
    fleet = Fleet(here, Terms({"name": "any/model"}, Place(), paint_s=60))
    for subject, version in [("rex", 1), ("ann", 1), ("rex", 1), ("rex", 2), ("rex", 3), ("ann", 1)]:
        job = Job("sleep 0", "", 7, 320, 200, learned=learned(tmp_path, subject, version))
        fleet.paint([job], lambda _, made: kept.append(made.facts["learned"]), lambda _: None)
    assert kept == ["rex 1", "ann 1", "rex 1", "rex 2", "rex 3", "ann 1"]
    assert files(here) == ["ann 1", "rex 3"]
    assert [each.data for each in here.laid] == [b"rex 1", b"ann 1", b"rex 2", b"rex 3"]
    assert {fleet._sent.where(sha256).data for sha256 in fleet._sent} == {b"ann 1", b"rex 3"}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=80))
def test_nothing_is_kept_that_nobody_asks_for(asked):
    """Whatever is asked for: what was asked for last is there, one version of each, never too many; all else was told."""
    luggage, told = Luggage(), set()
    for number, version in asked:
        sha256 = f"{number}-{version}"
        told = (told | {sha256}) - set(gone := luggage.take(Learned(f"s{number}", "", sha256)))
        assert sha256 not in gone
        assert set(luggage) == told
        assert len({each.partition("-")[0] for each in luggage}) == len(luggage) <= MOST
