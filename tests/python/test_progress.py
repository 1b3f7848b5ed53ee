"""Progress bars and optional packages: silent unless somebody watches, named when absent."""

import io

import pytest

from tamis import _core, _optional, _progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_silent_where_nobody_watches(capfd):
    assert not _progress.watched()
    with _progress.bar(10, "work") as shown:
        shown.update(10)
    assert shown.disable
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert _progress.watched()
    with _progress.bar(10, "work", file=terminal) as shown:
        shown.update(10)
    assert "work" in terminal.getvalue()
    with _progress.bar(10, "work", show=False, file=terminal) as shown:
        assert shown.disable


def test_a_kernel_moves_the_bar():
    terminal = Terminal()
    with _progress.bar(None, "spin", show=True, file=terminal) as shown:
        _core._spin(0.1, progress=_progress.kernel_callback(shown))
        assert (shown.n, shown.total) == (100, 100)
    assert "100/100" in terminal.getvalue()


def test_optional_packages():
    assert _optional.have("pyarrow")
    assert not _optional.have("no_such_package_of_anybody")
    assert _optional.need("json", "reading") is __import__("json")
    with pytest.raises(KeyError):  # a package that no extra brings is a mistake of ours
        _optional.need("no_such_package_of_anybody", "nothing")
