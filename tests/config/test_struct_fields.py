"""config.struct_fields: what msgspec says, once."""

import msgspec

from sluice.config.struct_fields import fields_of


class Setting(msgspec.Struct, rename="camel"):
    first_word: int
    second: str = "x"


def test_the_fields_of_a_struct_are_those_of_its_type_in_their_order_and_worked_out_once() -> None:
    found = fields_of(Setting)
    assert found == msgspec.structs.fields(Setting)
    assert [field.encode_name for field in found] == ["firstWord", "second"]
    assert fields_of(Setting(1)) is found
