"""Sizes that a file leaves open: asked for, taken by name, never guessed."""

from __future__ import annotations

import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.format import FileTensor
from latency_bench.harness.model_file.file_request import FileRequest, parse_shape
from latency_bench.harness.model_file.sizes import closed_shapes

IMAGE = FileTensor("image", ("batch", 3, "height", "width"), "float32")
UNNAMED = FileTensor("image", ("", "", "", 3), "float32")
MASK = FileTensor("mask", ("batch", "height", "width"), "float32")
TOKENS = FileTensor("tokens", (1, "length"), "int64")
FIXED = FileTensor("state", (2, 1, 128), "float32")
ANY = FileTensor("any", None, "float32")


def shapes(*inputs, **request):
    return closed_shapes("net.onnx", inputs, FileRequest(**request)).shapes


def test_nothing_is_asked_where_nothing_is_open():
    closed = closed_shapes("net.onnx", [FIXED], FileRequest())
    assert closed.shapes == ((2, 1, 128),)
    assert closed.batch is None
    assert closed.asked == (False,)


def test_a_batch_alone_is_one_unless_it_is_given():
    tensor = FileTensor("x", ("N", 3, 8, 8), "float32")
    assert closed_shapes("net.onnx", [tensor], FileRequest()).shapes == ((1, 3, 8, 8),)
    closed = closed_shapes("net.onnx", [tensor], FileRequest(batch=4))
    assert (closed.shapes, closed.batch, closed.asked) == (((4, 3, 8, 8),), 4, (False,))


def test_a_first_size_beside_fixed_ones_is_no_batch():
    with pytest.raises(UsageError, match="leaves sizes open"):
        shapes(FileTensor("a", (64, 16), "float32"), FileTensor("b", ("n", 32), "float32"))


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ([IMAGE, MASK], "example: --dim=height=224 --dim=width=224$"),
        ([UNNAMED], "example: --shape=image=1x224x224x3$"),
        ([TOKENS], "example: --dim=length=128$"),
        ([ANY], "example: --shape=any="),
        (
            [FileTensor("sound", ("", ""), "float32"), FileTensor("state", (2, "", 128), "float32")],
            "example: --shape=sound=1x128 --shape=state=2x128x128$",
        ),
        ([FileTensor("x", ("first", 3, "h", "w"), "float32")], "example: --dim=first=1 --dim=h=224 --dim=w=224$"),
    ],
)
def test_open_sizes_are_listed_with_a_line_that_closes_them(inputs, line):
    with pytest.raises(UsageError, match=line) as refused:
        shapes(*inputs)
    given: dict = {"shapes": {}, "dimensions": {}}
    for option in str(refused.value).partition("example: ")[2].split():
        kind, _, text = option.partition("=")
        name, _, size = text.rpartition("=")
        given["shapes" if kind == "--shape" else "dimensions"][name] = (
            parse_shape(size) if kind == "--shape" else int(size)
        )
    assert all(shape for shape in shapes(*inputs, **given))


def test_a_size_by_name_holds_for_all_inputs():
    assert shapes(IMAGE, MASK, dimensions={"height": 32, "width": 48}) == ((1, 3, 32, 48), (1, 32, 48))
    assert shapes(IMAGE, MASK, shapes={"image": (2, 3, 32, 48)}) == ((2, 3, 32, 48), (2, 32, 48))
    assert shapes(UNNAMED, shapes={"image": (1, 5, 7, 3)}) == ((1, 5, 7, 3),)
    assert shapes(ANY, shapes={"any": ()}) == ((),)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"shapes": {"image": (1, 4, 8, 8)}}, "the file fixes 3"),
        ({"shapes": {"image": (1, 3, 8)}}, "4 sizes are needed"),
        ({"shapes": {"image": (1, 3, 8, 8), "mask": (1, 9, 8)}}, "height is 8 elsewhere"),
        ({"shapes": {"picture": (1, 3, 8, 8)}}, "no input of that name; its inputs are image, mask"),
        ({"dimensions": {"hight": 8}}, "batch, height, width"),
    ],
)
def test_what_contradicts_the_file_is_refused(request_, words):
    with pytest.raises(UsageError, match=words):
        shapes(IMAGE, MASK, **request_)


def test_a_batch_that_the_file_fixes_is_not_another():
    assert closed_shapes("net.onnx", [FIXED], FileRequest(batch=2)).batch == 2
    with pytest.raises(UsageError, match=r"--batch 8.*the batch of .* is fixed, the first size of its inputs is 2"):
        shapes(FIXED, batch=8)


def test_sizes_whose_product_no_memory_has_are_refused():
    with pytest.raises(UsageError, match="image would be 1x2147483647x2147483647x3, more values than"):
        shapes(UNNAMED, shapes={"image": (1, 2147483647, 2147483647, 3)})
