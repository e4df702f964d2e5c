"""What a runtime declares of itself. Host and device read the same class, and the runtime's package is not needed for
it: a module with a runtime imports that package only when a runtime is made."""

import json
from typing import Any, ClassVar, Dict, Mapping, NamedTuple, Optional, Tuple

from ..failure import bad_request
from ..precisions import Precision

TYPED_FILE = "typed file"
"""The types of the file decide: it is exported in the precision."""
BUILDER_FLAG = "builder flag"
"""The builder on the device is asked for it, and the file stays fp32."""
QUANTISED_FILE = "quantised file"
"""The file holds smaller weights; inputs and outputs stay fp32."""

_TYPE_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class Option(NamedTuple):
    """An option of a runtime. The type of `default` is the type of the option."""

    default: Any
    help: str
    choices: Tuple[Any, ...] = ()
    minimum: Optional[int] = None

    def checked(self, value: Any) -> Any:
        """`value`, if it may be one of the option's. Raises ValueError with what is expected."""
        expected = type(self.default)
        if expected is float and type(value) is int:
            value = float(value)
        fits = type(value) is expected and (not self.choices or value in self.choices)
        if not fits or (self.minimum is not None and value < self.minimum):
            raise ValueError(self.expected())
        return value

    def expected(self) -> str:
        if self.choices:
            return "one of %s" % ", ".join(map(_shown, self.choices))
        least = "" if self.minimum is None else " of at least %s" % self.minimum
        return _TYPE_WORDS.get(type(self.default), type(self.default).__name__) + least

    def words(self, name: str) -> str:
        """For a list of options: `xnnpack (true or false; default true)`."""
        return "%s (%s; default %s)" % (name, self.expected(), _shown(self.default))


class RuntimeDeclaration:
    """The facts of a runtime. Everything that is said, checked or counted of runtimes elsewhere is read from here."""

    name = ""
    """As `--runtime` takes it; in the module's name `-` is `_`."""
    FORMAT = ""
    """Name of the file format that models are exported to for it (`onnx`, `tflite`, `pt2`)."""
    ALSO_LOADS: Tuple[str, ...] = ()
    """Names of further formats, of files that a user brings."""
    MODULES: Tuple[Tuple[str, ...], ...] = ()
    """What it imports on the device: of every group, one module."""
    DISTRIBUTIONS: Tuple[str, ...] = ()
    """Packages whose versions belong into a record, by the names that pip knows them by."""
    INSTALL = ""
    """The line that installs it on a device."""

    ON_GPU = False
    """Whether it computes on a GPU. Threads then mean nothing to it."""
    BUILDS_ENGINES = False
    """Whether it builds on the device what it then runs, which takes minutes and is told the precision."""
    OVERLAPS_REQUESTS = False
    """Whether several requests can be in flight, so that throughput is a measurement of its own."""
    INPUTS_IN_PLACE = False
    """Whether it says where the arrays lie that a request copies from (`input_arrays`), so that a pipeline can write a
    photograph there."""
    PROFILES = False
    """Whether it reports times of layers or operators."""
    FINDS_NON_FINITE = False
    """Whether it can look for the first layer whose output is not finite."""

    PRECISIONS: ClassVar[Mapping[str, str]] = {"fp32": TYPED_FILE}
    """The precisions that it takes, each with the way in which it comes to it."""
    TYPED_SINCE: Optional[Tuple[int, ...]] = None
    """Version of its first module from which on what was a builder flag is taken from the file's types."""
    QUANTISER = ""
    """Who makes its quantised files, where the file format leaves a choice (harness/export/quantisers)."""
    OWN_PRECISIONS: Tuple[Precision, ...] = ()
    """Precisions that nobody else knows."""

    OPTIONS: ClassVar[Mapping[str, Option]] = {}
    """What `--runtime-option` may set. `threads` and `precision` are fields of the case, and set from it."""

    @classmethod
    def loads(cls, file_format: str) -> bool:
        """Whether a file of this format can be brought for it."""
        return file_format in (cls.FORMAT,) + cls.ALSO_LOADS

    @classmethod
    def with_defaults(cls, options: Mapping[str, Any]) -> Dict[str, Any]:
        """All options, those that are not given with their defaults. Raises WorkerError (bad-request) for an unknown
        one and for a value that is none of the option's, with the options that there are."""
        complete = {name: option.default for name, option in cls.OPTIONS.items()}
        for name, value in options.items():
            if name not in complete:
                raise bad_request(
                    "runtime option %s: the runtime %s does not have this option" % (name, cls.name),
                    cls.options_in_words(),
                )
            try:
                complete[name] = cls.OPTIONS[name].checked(value)
            except ValueError as error:
                raise bad_request(
                    "runtime option %s: expected %s, got %s" % (name, error, _shown(value)), cls.options_in_words()
                )
        return complete

    @classmethod
    def options_in_words(cls) -> str:
        listed = [option.words(name) for name, option in sorted(cls.OPTIONS.items())]
        return "options of %s: %s" % (cls.name, ", ".join(listed) or "none")

    @classmethod
    def precision_in_file(cls, precision: str, version: Tuple[int, ...]) -> str:
        """The precision that the file has to carry, so that it is computed in `precision` by the runtime's library of
        this version (empty where that is unknown: then as the newest does it)."""
        typed = cls.TYPED_SINCE is not None and (not version or version >= cls.TYPED_SINCE)
        return "fp32" if cls.PRECISIONS.get(precision) == BUILDER_FLAG and not typed else precision


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
