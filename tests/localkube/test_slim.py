"""What the images leave out of their base, and the byte code of the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import ROOT

KEPT = (
    "usr/bin/python3.11",
    "usr/lib/x86_64-linux-gnu/libssl.so.3",
    "usr/lib/ssl/cert.pem",
    "etc/ssl/certs/ca-certificates.crt",
)
LOST = (
    "bin/sh",
    "usr/bin/perl",
    "usr/lib/python3.11/lib2to3/main.py",
    "usr/share/doc/libc6/copyright",
    "usr/share/ca-certificates/mozilla/one.crt",
)
LIBRARY = ("usr/lib/python3.11/http/client.py", "usr/lib/python3.11/os.py")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in (*KEPT, *LOST, *LIBRARY):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("'''Text.'''\n")
    subprocess.run([sys.executable, "-I", "-S", ROOT / "hack/images/slim.py", tmp_path], check=True)
    return tmp_path


def test_a_base_loses_what_no_image_opens(base: Path) -> None:
    assert {name: (base / name).exists() for name in (*KEPT, *LOST)} == dict.fromkeys(KEPT, True) | dict.fromkeys(
        LOST, False
    )


def test_the_library_of_a_base_is_byte_code(base: Path) -> None:
    for name in LIBRARY:
        assert (base / name).with_suffix(".pyc").exists()
        assert not (base / name).exists()


def test_a_base_whose_usr_is_merged_keeps_the_links(tmp_path: Path) -> None:
    library = tmp_path / "usr/lib/x86_64-linux-gnu/libc.so.6"
    library.parent.mkdir(parents=True)
    library.touch()
    (tmp_path / "lib").symlink_to("usr/lib")
    subprocess.run([sys.executable, "-I", "-S", ROOT / "hack/images/slim.py", tmp_path], check=True)
    assert (tmp_path / "lib/x86_64-linux-gnu/libc.so.6").exists()
