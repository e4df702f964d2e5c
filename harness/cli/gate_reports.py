"""The gate's result for machines that read JUnit XML, and for people who read a pull request."""

from __future__ import annotations

from xml.etree import ElementTree

from latency_bench.harness.cli.figures import counted, printable
from latency_bench.harness.gating.gate_result import GatedCase, GateResult

_MARKS = {"fine": "fine", "worse": "**worse**", "cannot tell": "cannot tell"}


def gate_heading(result: GateResult) -> str:
    """`2 cases: 1 fine, 1 cannot tell`."""
    counts = [f"{result.count(answer)} {answer}" for answer in ("worse", "cannot tell", "fine") if result.count(answer)]
    return f"{counted(len(result.cases), 'case')}: {', '.join(counts)}"


def junit_xml(result: GateResult, strict: bool = False) -> str:
    """One test case a judged case: a failure is what is worse; skipped is what nobody can tell, or under `strict` a
    failure too."""
    failing = [case for case in result.cases if case.answer == "worse" or (strict and case.answer == "cannot tell")]
    suite = ElementTree.Element(
        "testsuite",
        name="bench gate",
        tests=str(len(result.cases)),
        failures=str(len(failing)),
        skipped=str(0 if strict else result.count("cannot tell")),
    )
    for case in result.cases:
        element = ElementTree.SubElement(suite, "testcase", classname="bench", name=printable(case.name))
        message = f"{case.answer}: {printable(case.reason)}"
        if case in failing:
            ElementTree.SubElement(element, "failure", message=message).text = _sides(case)
        elif case.answer == "cannot tell":
            ElementTree.SubElement(element, "skipped", message=message)
        ElementTree.SubElement(element, "system-out").text = f"{message}\n{_sides(case)}"
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def markdown_summary(result: GateResult) -> str:
    """A heading with the answer, and a table."""
    lines = [f"### bench gate: {gate_heading(result)}", "", "| case | | candidate / baseline | | |"]
    lines.append("|---|---|---:|---|---|")
    for case in result.cases:
        ratio = "" if case.ratio is None else f"{case.ratio:.3f}"
        sides = _sides(case).replace("\n", "; ")
        lines.append(
            f"| {_cell(case.name)} | {_MARKS[case.answer]} | {ratio} | {_cell(case.reason)} | {_cell(sides)} |"
        )
    return "\n".join(lines) + "\n"


def _sides(case: GatedCase) -> str:
    named = [(label, text) for label, text in (("baseline", case.baseline), ("candidate", case.candidate)) if text]
    return "\n".join(f"{label}: {printable(text)}" for label, text in named)


def _cell(text: str) -> str:
    """Text that cannot leave its cell nor become markup."""
    safe = printable(text).replace("\\", "\\\\")
    for letter in "|`*_<>[]":
        safe = safe.replace(letter, f"\\{letter}")
    return safe
