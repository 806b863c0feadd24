"""The code that trained a run can be had again: its commit, and a patch to that."""

import os
import subprocess

import pytest

from sitt.runs import provenance
from sitt.runs.provenance import GitState

git_state = provenance.git_state.__wrapped__  # as in a new process


def git(folder, *words):
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts}  # fmt: skip


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository of one commit, where the package is said to be."""
    folder = tmp_path / "it's a clone, é"
    (folder / "sub").mkdir(parents=True)
    for name, text in {
        "pyproject.toml": "",
        "a.py": "a = 1\n",
        "sub/b é.txt": "b\r\nc\r\n",
        "gone.txt": "x\n",
        "old.txt": "no newline",
    }.items():
        (folder / name).write_bytes(text.encode())
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")
    monkeypatch.setattr(provenance, "ROOT", folder)
    return folder


def test_a_clean_clone_has_no_diff(clone):
    (clone / "untracked.txt").write_text("x")
    os.utime(clone / "a.py")
    assert git_state() == GitState(git(clone, "rev-parse", "HEAD"), False, None)


def test_outside_a_repository_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state() == GitState(None, None, None)


def test_the_diff_makes_the_code_again_whatever_the_users_git_is_set_to(clone, tmp_path):
    again = tmp_path / "again"
    git(tmp_path, "clone", "-q", str(clone), str(again))
    (clone / "a.py").write_text("a = 'ü'\n", encoding="utf-8")
    (clone / "sub/b é.txt").write_bytes(b"b\r\nd  \r\n\r\n")
    (clone / "gone.txt").unlink()
    (clone / "old.txt").write_bytes(b"still none")
    (clone / "new.txt").write_text("n\n")
    git(clone, "add", "new.txt", "old.txt")  # staged or not
    for key, value in {
        "color.ui": "always", "diff.noprefix": "true", "diff.external": f"touch {tmp_path}/pwned; true",
    }.items():  # fmt: skip
        git(clone, "config", key, value)
    commit, dirty, diff = git_state()
    assert (commit, dirty) == (git(clone, "rev-parse", "HEAD"), True)
    (tmp_path / "patch").write_bytes(diff.encode())
    git(again, "apply", "--whitespace=nowarn", str(tmp_path / "patch"))
    assert snapshot(again) == snapshot(clone)
    assert not (tmp_path / "pwned").exists()


def test_a_file_in_another_encoding_is_no_obstacle(clone):
    (clone / "a.py").write_bytes("# é\n".encode("latin-1"))
    assert "+# \ufffd\n" in git_state().diff


def test_of_somebody_elses_files_in_the_same_repository_nothing_is_kept(clone, monkeypatch):
    (clone / "a.py").write_text("password = 'secret'\n")
    (clone / "venv").mkdir()
    monkeypatch.setattr(provenance, "ROOT", clone / "venv")  # where pip would put the package
    assert git_state() == GitState(None, None, None)
