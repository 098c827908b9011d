"""A value of a policy that tells nothing about itself: digests of keys and passwords."""


class Hidden:
    """Bytes that appear in no log, page, error or repr."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Hidden(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)
