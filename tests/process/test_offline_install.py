"""install.sh of the offline bundle: it installs by hash, beside the old version, or changes nothing and says why."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "tools" / "packaging" / "offline" / "install.sh"
_TAG = f"py{sys.version_info[0]}{sys.version_info[1]}"


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bundle(folder: Path, version: str, tag: str = _TAG) -> Path:
    """A bundle with one wheel, whose command says its version."""
    bundle = folder / f"lumbung-{version}-{tag}-linux-test"
    (bundle / "wheels").mkdir(parents=True)
    wheel = bundle / "wheels" / f"lumbung-{version}-py3-none-any.whl"
    info = f"lumbung-{version}.dist-info"
    files = {
        "lumbung_told.py": f"def main() -> None:\n    print('lumbung {version}')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: lumbung\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nlumbung = lumbung_told:main\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))
    (bundle / "requirements.txt").write_text(f"lumbung=={version} --hash=sha256:{_hash(wheel)}\n")
    shutil.copy(_SCRIPT, bundle)
    _seal(bundle)
    return bundle


def _seal(bundle: Path) -> None:
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    sums = "".join(f"{_hash(path)}  ./{path.relative_to(bundle)}\n" for path in files)
    (bundle / "SHA256SUMS").write_text(sums)


def _install(bundle: Path, target: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHON": sys.executable,
        "LUMBUNG_LANG": "en",
        "HOME": str(target.parent),
    }
    words = [str(bundle / "install.sh"), str(target)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def _said(target: Path) -> str:
    return subprocess.run([target / "bin" / "lumbung"], capture_output=True, text=True, check=True).stdout.strip()


def test_a_newer_version_is_installed_beside_the_old_one_and_the_link_moves(tmp_path: Path) -> None:
    target, old = tmp_path / "opt", tmp_path / "opt-1.0"
    old.mkdir()
    target.symlink_to(old)
    done = _install(_bundle(tmp_path, "1.1"), target)
    assert done.returncode == 0, done.stderr
    assert _said(target) == "lumbung 1.1"
    assert target.readlink() == tmp_path / "opt-1.1"
    assert old.is_dir()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("wheel", "a file of this bundle is damaged"),
        ("hash", "pip refused a wheel"),
        ("python", "this bundle is for another Python"),
        ("folder", "is a folder, a link was expected"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_changed(harm: str, sentence: str, tmp_path: Path) -> None:
    target = tmp_path / "opt"
    bundle = _bundle(tmp_path, "1.0", tag="py399" if harm == "python" else _TAG)
    (wheel,) = (bundle / "wheels").iterdir()
    if harm in ("wheel", "hash"):
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("more.py", "")
    if harm == "hash":
        _seal(bundle)  # whoever could write the wheel could write the sums: the requirements' hash still tells
    if harm == "folder":
        target.mkdir()
    done = _install(bundle, target)
    assert done.returncode == 1
    assert f"install: {sentence}" in done.stderr or sentence in done.stderr
    assert not target.is_symlink()
