"""The gate's result for machines that read JUnit XML, and for people who read a pull request."""

from __future__ import annotations

from xml.etree import ElementTree

from latency_bench.harness.cli.figures import printable
from latency_bench.harness.regression import GateResult

_MARKS = {"pass": "ok", "regression": "**slower**", "inconclusive": "not judged"}


def junit_xml(result: GateResult) -> str:
    """One test case a measured case: a failure is a regression, skipped is what could not be judged."""
    cases = result.cases
    suite = ElementTree.Element(
        "testsuite",
        name="bench gate",
        tests=str(len(cases)),
        failures=str(len(result.regressions)),
        skipped=str(sum(case.outcome == "inconclusive" for case in cases)),
    )
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", classname="bench", name=printable(case.name))
        if case.outcome == "regression":
            ElementTree.SubElement(element, "failure", message=printable(case.reason))
        elif case.outcome == "inconclusive":
            ElementTree.SubElement(element, "skipped", message=printable(case.reason))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def markdown_summary(result: GateResult) -> str:
    """A heading with the verdict, and a table."""
    count = len(result.regressions)
    heading = (
        f"{count} of {len(result.cases)} cases regressed" if count else f"no regression in {len(result.cases)} cases"
    )
    lines = [f"### bench gate: {heading}", "", "| case | | new / baseline | |", "|---|---|---:|---|"]
    for case in result.cases:
        ratio = "" if case.ratio is None else f"{case.ratio:.3f}"
        lines.append(f"| {_cell(case.name)} | {_MARKS[case.outcome]} | {ratio} | {_cell(case.reason)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that cannot leave its cell nor become markup."""
    safe = printable(text).replace("\\", "\\\\")
    for letter in "|`*_<>[]":
        safe = safe.replace(letter, f"\\{letter}")
    return safe
