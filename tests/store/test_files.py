import pytest

from sitt.errors import UserError
from sitt.files import atomic_path


def test_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "a.txt"
    for text in ("one", "two"):
        with atomic_path(path) as temporary:
            temporary.write_text(text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*file/a\.txt"), atomic_path(tmp_path / "file" / "a.txt"):
        pass


def test_a_folder_in_the_files_place_is_named(tmp_path):
    path = tmp_path / "a.txt"
    path.mkdir()
    with pytest.raises(UserError, match=r"cannot write .*a\.txt"), atomic_path(path) as temporary:
        temporary.write_text("x")
    assert path.is_dir()


def test_an_error_about_another_file_keeps_its_meaning(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "input.txt").read_text()
