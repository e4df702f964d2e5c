"""What a user asks of `bench sweep`: the campaign that a file, or the options of the command, mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.condition_options import CONDITIONS
from latency_bench.harness.cli.condition_options import given as conditions_given
from latency_bench.harness.cli.model_file_options import refuse_without_file
from latency_bench.harness.cli.weights_option import weights_by_model

if TYPE_CHECKING:
    from latency_bench.harness.campaign.campaign_file import CampaignFile

_PRODUCT = (
    "tables",
    "models",
    "devices",
    "runtimes",
    "precisions",
    "batches",
    "resolutions",
    "threads",
    "outputs",
    "input_types",
    "streams",
)
"""Options of which every combination is measured."""
_BY_CASE = ("threads", "output", "input_type", "weights", "calibration")
"""Conditions that differ between cases: several values are given, or the cases named that have them."""


def campaign_asked_for(path: Path | None, options: dict[str, Any]) -> CampaignFile:
    """The campaign of the file or of the options. Raises UsageError."""
    from pydantic import ValidationError

    from latency_bench.harness.campaign.campaign_file import CampaignFile, read_campaign
    from latency_bench.harness.errors import UsageError
    from latency_bench.model_specs.located_yaml import describe

    product: dict[str, Any] = {field: list(options[field]) for field in _PRODUCT if options[field]}
    if options["paper_text"] is not None:
        if not product.get("tables"):
            raise click.UsageError("--paper says whose --table is meant; name one, or `--table all`")
        product["paper"] = options["paper_text"]
    if options["files"]:
        product["files"] = [{"path": str(file), "format": format_} for file, format_ in options["files"]]
    refuse_without_file(options["of_files"], options["files"])
    if same_for_all := {**options["of_files"], **_conditions(options)}:
        product["set"] = same_for_all
    if options["baseline"]:
        product["baseline"] = options["baseline"]
    given = {field: options[field] for field in ("protocol", "rounds", "order_seed", "case_batch") if options[field]}
    overrides = _overrides(options)
    if path is not None:
        if product or overrides:
            raise click.UsageError(
                "the campaign file already says what is measured; leave out --table, --model and the like"
            )
        asked = read_campaign(path)
        given["cases"] = asked.cases
    else:
        if not any(field in product for field in ("tables", "models", "files")):
            raise click.UsageError(
                "name a campaign's file, a --table of the paper or a --model, or bring your own (--module, --onnx, ...)"
            )
        asked = CampaignFile.model_validate({"cases": [{"models": ["any"]}]})
        given |= {"cases": [product], "override": overrides}
    if options["labels"]:
        given["labels"] = {**asked.labels, **dict(options["labels"])}
    if given_pairs := _pair_fields(options):
        given["pairs"] = given_pairs if given_pairs == "none" else {**_kept_pairs(asked), **given_pairs}
    if options["attempts"]:
        given["retry"] = asked.retry.model_copy(update={"attempts": options["attempts"]})
    kept = {field: getattr(asked, field) for field in asked.model_fields_set}
    try:
        return CampaignFile.model_validate({**kept, **given})
    except ValidationError as error:
        raise UsageError("; ".join(words for _, words in describe(error))) from None


def _conditions(options: dict[str, Any]) -> dict[str, Any]:
    """What is the same for every case, as `bench run` has it."""
    return conditions_given({name: options[name] for name in CONDITIONS if name not in _BY_CASE})


def _overrides(options: dict[str, Any]) -> list[dict[str, Any]]:
    """What is for some of the cases: a model's checkpoint, the calibration of those in int8. Raises UsageError."""
    from latency_bench.model_specs import load_spec

    weights = weights_by_model(options["checkpoints"], options["models"])
    overrides: list[dict[str, Any]] = [
        {"match": {"model": [load_spec(model).id]}, "set": {"weights": file}} for model, file in weights.items()
    ]
    if options["calibration"] is not None:
        if "int8" not in options["precisions"]:
            raise click.UsageError("--calibration is for --precision int8, which is not among those measured")
        overrides.append({"match": {"precision": ["int8"]}, "set": {"calibration": options["calibration"]}})
    return overrides


def _pair_fields(options: dict[str, Any]) -> Any:
    """What the options say of pairs; empty where they say nothing."""
    if options["no_pairs"]:
        return "none"
    named = {"within": options["within"], "max_minutes": options["pair_minutes"]}
    return {name: value for name, value in named.items() if value is not None}


def _kept_pairs(asked: CampaignFile) -> dict[str, Any]:
    return {} if asked.pairs == "none" else asked.pairs.model_dump(exclude_unset=True)


def usual_name(path: Path | None, options: dict[str, Any]) -> str:
    """A name that the same command always gets."""
    if path is not None:
        return path.stem
    paper = [Path(options["paper_text"]).resolve().name] if options["paper_text"] else []
    what = [*paper, *(f"table-{id}" for id in options["tables"])]
    what = what or ["models" if options["models"] or not options["files"] else "files"]
    return "-".join([*what, *(options["devices"] or ["local"])])[:80]
