"""Under CI a test that is skipped fails the run, unless it says what hardware it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_without_its_tool():
    pytest.skip("sshd is not installed")

@pytest.mark.skipif(True, reason="not here")
def test_marked():
    pass

@pytest.mark.gpu
def test_of_a_gpu():
    pytest.skip("no GPU")

def test_that_runs():
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makeini("[pytest]\nmarkers = gpu: needs a GPU")
    # The conftest imports from there.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "scripts"))
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(
        test_some=TESTS,
        test_module="import pytest\npytest.importorskip('not_there')\ndef test_it(): pass\n",
    )
    return pytester


def test_a_skipped_test_fails_under_ci(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, failed=1, skipped=1, errors=2)
    result.stdout.fnmatch_lines(["*skipped, which CI does not allow*sshd is not installed*"])


def test_a_skipped_test_is_skipped_elsewhere(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    project.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1, skipped=4)
