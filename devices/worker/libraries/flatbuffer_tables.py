"""A table of a flatbuffer, its fields by their numbers in the schema, without the package `flatbuffers`
(flatbuffers.dev, "Internals")."""

import struct
from typing import List, Optional


class Table:
    """Every method takes the number of a field. Raises ValueError, as all here do, for a place outside the content and
    for a field that has to be there and is not."""

    def __init__(self, content: memoryview, position: int) -> None:
        self._content = content
        self._position = position

    @classmethod
    def root(cls, content: memoryview, start: int = 0) -> "Table":
        """The first table of a flatbuffer that begins at `start`."""
        return cls(content, _pointed_at(content, start))

    def has(self, field: int) -> bool:
        return self._place(field) is not None

    def number(self, field: int, kind: str = "I", default: int = 0) -> int:
        """An integer; `kind` as `struct` has it."""
        place = self._place(field)
        return default if place is None else number_at(self._content, kind, place)

    def text(self, field: int) -> str:
        """Empty where there is none."""
        if not self.has(field):
            return ""
        first, length = self._vector(field, 1)
        return bytes(self._content[first : first + length]).decode("utf-8", "replace")

    def table(self, field: int) -> "Table":
        return Table(self._content, _pointed_at(self._content, self._required(field)))

    def tables(self, field: int) -> List["Table"]:
        """The elements of a vector of tables; none where the field is absent."""
        if not self.has(field):
            return []
        first, count = self._vector(field, 4)
        places = range(first, first + 4 * count, 4)
        return [Table(self._content, _pointed_at(self._content, place)) for place in places]

    def numbers(self, field: int, kind: str = "i") -> List[int]:
        """The elements of a vector of integers; none where the field is absent."""
        if not self.has(field):
            return []
        size_bytes = struct.calcsize(kind)
        first, count = self._vector(field, size_bytes)
        return [number_at(self._content, kind, first + size_bytes * number) for number in range(count)]

    def first_byte(self, field: int) -> int:
        """Where the elements of a vector begin in the content."""
        return self._vector(field, 1)[0]

    def _vector(self, field: int, element_bytes: int) -> "tuple[int, int]":
        """Where its elements begin, and how many there are."""
        start = _pointed_at(self._content, self._required(field))
        count = number_at(self._content, "I", start)
        if start + 4 + count * element_bytes > len(self._content):
            raise ValueError("a vector ends beyond its file")
        return start + 4, count

    def _required(self, field: int) -> int:
        place = self._place(field)
        if place is None:
            raise ValueError("a table has no field %d" % field)
        return place

    def _place(self, field: int) -> Optional[int]:
        """The table begins with the way back to its list of fields: its size, the table's size, then the fields."""
        fields = self._position - number_at(self._content, "i", self._position)
        entry = 4 + 2 * field
        if entry >= number_at(self._content, "H", fields):
            return None
        offset = number_at(self._content, "H", fields + entry)
        return self._position + offset if offset else None


def _pointed_at(content: memoryview, place: int) -> int:
    return place + number_at(content, "I", place)


def number_at(content: memoryview, kind: str, place: int) -> int:
    """An integer; `kind` as `struct` has it."""
    if not 0 <= place <= len(content) - struct.calcsize(kind):
        raise ValueError("a place lies outside its file")
    return int(struct.unpack_from("<" + kind, content, place)[0])
