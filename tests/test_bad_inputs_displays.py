"""What screens, and whoever pretends to be one, may do to the service; and where each kind of it is tried."""

import contextlib
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from .castv2 import PEM, Receiver
from .test_cast import Home, said
from .values import plate

#: what may come, and the tests that show what comes of it, as FILE.TEST
TRIED = {
    "a write without or with a wrong token": "test_ownership.test_a_change_needs_the_token",
    "a write from another origin": "test_ownership.test_a_page_of_another_site_changes_nothing",
    "a name that is not this machine's": "test_ownership.test_a_foreign_name_opens_nothing",
    "1,000 pairing guesses": "test_pairing.test_a_thousand_guesses_are_locked_out_and_logged_once",
    "1,000 guesses without the token": "test_pairing.test_a_thousand_guesses_without_the_token_reach_nothing",
    "garbage, frames of a megabyte, half frames": "test_cast.test_a_device_that_answers_garbage_is_an_error_on_its_row",
    "half a frame, then silence": "test_cast.test_a_silent_device_is_asked_whether_it_is_there",
    "the wrong UUID": "test_cast.test_another_device_at_the_address_is_refused",
    "certificates of any kind": "test_bad_inputs_displays.test_a_device_may_have_any_certificate",
    "status floods": "test_cast.test_a_flood_of_statuses_does_no_harm",
    "a name full of markup": "test_cast.test_a_name_full_of_markup_is_only_a_name",
    "an address that is no Cast device": "test_cast.test_an_address_that_is_no_cast_device_is_said",
    "two displays with one name, or one device": "test_settings.test_a_mistake_names_its_key",
    "a TRMNL with a wrong key": "test_trmnl.test_a_wrong_key_is_refused",
    "a TRMNL and tricks with paths": "test_trmnl.test_tricks_with_paths_are_missing",
    "a TRMNL's log without end": "test_trmnl.test_an_endless_log_is_cut_off",
    "a TRMNL's nonsense": "test_trmnl.test_whatever_a_device_says_is_safe",
}


@pytest.mark.parametrize("where", TRIED.values(), ids=TRIED)
def test_every_bad_input_has_its_test(where):
    """The table above is true."""
    module, _, test = where.partition(".")
    assert f"def {test}(" in Path(__file__).with_name(f"{module}.py").read_text(), where


CERTIFICATES = {
    "somebody else's": "-newkey rsa:2048 -days 9 -subj /CN=bank.example -addext subjectAltName=DNS:bank.example",
    "of an elliptic curve": "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 9 -subj /CN=hub",
    "of nobody": "-newkey rsa:2048 -days 9 -subj /",
    "with markup for a name": '-newkey rsa:2048 -days 9 -subj /CN=<b>"hub"<',
}


def certificate(folder, kind):
    """Such a certificate and its key, made anew."""
    pem = folder / "device.pem"
    making = ["openssl", "req", "-x509", "-nodes", "-keyout", pem, "-out", folder / "cert"]
    subprocess.run([*making, *CERTIFICATES[kind].split()], capture_output=True, check=True)
    pem.write_bytes(pem.read_bytes() + (folder / "cert").read_bytes())
    return pem


@pytest.mark.parametrize("kind", ["over since 2011", *CERTIFICATES])
def test_a_device_may_have_any_certificate(tmp_path, kind):
    """Cast devices sign their own: whatever it says, the slide gets there."""
    if kind in CERTIFICATES and shutil.which("openssl") is None:
        pytest.skip("makes certificates: apt install openssl")
    pem = certificate(tmp_path, kind) if kind in CERTIFICATES else PEM.with_stem("castv2_expired")
    with contextlib.closing(Home(tmp_path)) as home:
        home.device.off()
        home.device = Receiver(pem=pem)
        home.bell = home.device.bell
        home.display().show(plate(id=1))
        assert home.shows(1)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_a_device_that_speaks_only_old_tls_is_an_error_on_its_row(tmp_path):
    """What cannot be spoken with is said, in words, like every device that does not answer."""
    with contextlib.closing(Home(tmp_path)) as home:
        home.device._tls.maximum_version = ssl.TLSVersion.TLSv1_1
        display = home.display()
        display.show(plate(id=1))
        assert "no Cast device answers" in said(display, lambda s: s["last_error"])["last_error"]
