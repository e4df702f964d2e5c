"""The gate's result on the terminal, for machines that read JUnit XML, and for people who read a pull request."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import click

from latency_bench.harness.cli.failures import CANNOT_TELL, FAILED
from latency_bench.harness.cli.figures import counted, printable
from latency_bench.harness.cli.output import print_json
from latency_bench.harness.gating.gate_result import GatedCase, GateResult
from latency_bench.harness.number_text import ratio_text

_MARKS = {"fine": "fine", "worse": "**worse**", "cannot tell": "cannot tell"}


def report_gate(result: GateResult, strict: bool, junit: Path | None, markdown: Path | None, as_json: bool) -> int:
    """Print and write the result; the command's exit code."""
    if junit is not None:
        junit.write_text(junit_xml(result, strict), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(markdown_summary(result), encoding="utf-8")
    if as_json:
        print_json(result.to_json())
    else:
        for case in result.cases:
            click.echo(f"{case.answer:<11}  {printable(case.name)}\n             {printable(case.reason)}")
            for label, side in (("baseline", case.baseline), ("candidate", case.candidate)):
                if side:
                    click.echo(f"             {label:<9} {printable(side)}")
        click.echo(f"{result.answer}; {gate_heading(result)}")
    if result.answer == "worse":
        return FAILED
    return CANNOT_TELL if strict and result.answer == "cannot tell" else 0


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
        ratio = "" if case.ratio is None else ratio_text(case.ratio)
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
