"""The fields of a protobuf message, without the package `protobuf`: keys, wire types and lengths (protobuf.dev,
"Encoding")."""

from typing import Iterator, List, Tuple, Union

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def messages(content: memoryview, *wanted: int) -> Iterator[memoryview]:
    """The values of the fields of these numbers that are messages, texts or bytes. Raises ValueError, as all here do,
    for what is no protobuf message."""
    for number, value in fields(content):
        if number in wanted and isinstance(value, memoryview):
            yield value


def fields(content: memoryview) -> Iterator[Tuple[int, Union[int, memoryview]]]:
    for number, value, _ in whole_fields(content):
        yield number, value


def whole_fields(content: memoryview) -> Iterator[Tuple[int, Union[int, memoryview], memoryview]]:
    """Number and value of each field, and the field with its key."""
    position, end = 0, len(content)
    while position < end:
        begin = position
        key, position = varint(content, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = varint(content, position)
            yield number, value, content[begin:position]
            continue
        if kind == _BYTES:
            size, position = varint(content, position)
        elif kind in (_FIXED_32, _FIXED_64):
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise ValueError("wire type %d" % kind)
        if position + size > end:
            raise ValueError("a field ends beyond its message")
        yield number, content[position : position + size], content[begin : position + size]
        position += size


def varint(content: memoryview, position: int) -> Tuple[int, int]:
    """(value, position after it)."""
    value = shift = 0
    while shift < 70:
        if position >= len(content):
            raise ValueError("a number is cut off")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number of more than 64 bits")


def numbers(content: memoryview, wanted: int) -> List[int]:
    """Of a repeated integer field, packed or not."""
    found = []
    for number, value in fields(content):
        if number != wanted:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        position = 0
        while position < len(value):
            one, position = varint(value, position)
            found.append(one)
    return found


def message(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
