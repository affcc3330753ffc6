"""Each kind of mistake in a pack is refused with file, line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimkit.errors import FormatError, InputError
from cimkit.rules.load import load_pack, load_packs

HEAD = """[pack]
name = "mine"
level = "project"
standard = "House rules"
source = "the bureau"

"""
RULE = """[[rule]]
id = "far"
clause = "1"
indicator = "floor_area_ratio"
comparator = "<="
threshold = 2.0
unit = ""
mark = "P"
text = "FAR at most 2"
"""


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_load_pack__reads_a_bureaus_own_pack(tmp_path: Path) -> None:
    pack = load_pack(write(tmp_path, HEAD + RULE))
    assert [r.id for r in pack] == ["far"]
    assert pack.rules[0].requirements[0].high == 2.0
    assert repr(pack) == "<Pack mine: 1 rules, 1 judged, 0 unverified>"


@pytest.mark.parametrize(
    ("change", "line", "key", "words"),
    [
        (("floor_area_ratio", "floor_ratio"), 10, "indicator", "floor_area_ratio"),
        (('unit = ""', 'unit = "%"'), 13, "unit", "Convert"),
        (("threshold = 2.0\n", ""), 8, "threshold", "threshold not known"),
        (("threshold = 2.0", 'threshold = "2"'), 12, "threshold", "one number"),
        (('mark = "P"', 'mark = "X"'), 14, "mark", "P, S, C, M"),
        (('comparator = "<="', 'comparator = "=<"'), 11, "comparator", "within"),
        (('clause = "1"', 'klause = "1"'), 9, "klause", "clause"),
        (('text = "FAR at most 2"', ""), 8, "text", "Write text"),
        (("threshold = 2.0", 'threshold = 2.0\nwith = { kind = "park" }'), 13, "kind", "no parameter"),
        (('clause = "1"', 'clause = "1"\ntable = []'), 10, "table", "Take the others out"),
        (('indicator = "floor_area_ratio"\n', ""), 8, "", "why"),
    ],
)
def test_load_pack__names_file_line_key_and_remedy(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, words: str
) -> None:
    with pytest.raises(FormatError) as caught:
        load_pack(write(tmp_path, HEAD + RULE.replace(*change)))
    message = str(caught.value)
    assert message.startswith(f"mine.toml, line {line}, rule 'far'")
    assert words in message
    if key:
        assert f"key '{key}'" in message


def test_load_pack__duplicate_names_the_second_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"mine\.toml, line 18, rule 'far', key 'id': ids must be unique"):
        load_pack(write(tmp_path, HEAD + RULE + "\n" + RULE))


def test_load_pack__needs_the_key_of_its_indicator(tmp_path: Path) -> None:
    text = RULE.replace("floor_area_ratio", "facility_distance").replace('unit = ""', 'unit = "m"')
    with pytest.raises(FormatError, match="needs the parameter 'kind'"):
        load_pack(write(tmp_path, HEAD + text))


def test_load_pack__broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"mine\.toml: .*line 2"):
        load_pack(write(tmp_path, '[pack]\nname = "mine\n'))


def test_load_packs__circle_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path, HEAD.replace('"mine"', '"one"\nextends = ["two.toml"]'), "one.toml")
    write(tmp_path, HEAD.replace('"mine"', '"two"\nextends = ["one.toml"]'), "two.toml")
    with pytest.raises(FormatError, match=r"two\.toml, line 3, key 'extends': .*one → two → one.*Take one out"):
        load_packs([one])


def test_load_packs__id_in_two_packs_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path, HEAD + RULE, "one.toml")
    two = write(tmp_path, HEAD + RULE, "two.toml")
    with pytest.raises(FormatError, match="stands in mine too"):
        load_packs([one, two])


def test_load_packs__off_must_name_a_rule(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no 'nothing'"):
        load_packs([write(tmp_path, HEAD.replace('level = "project"', 'level = "project"\noff = ["nothing"]'))])


def test_load_packs__extended_packs_come_first() -> None:
    names = [p.name for p in load_packs(["CN-ZJ-Hangzhou-2026"])]
    assert names.index("CN-GB50180-2018") < names.index("CN-ZJ-Hangzhou-2026")


def test_load_pack__unknown_name_lists_the_packs() -> None:
    with pytest.raises(InputError, match="CN-GB50180-2018"):
        load_pack("GB50180")


def test_load_packs__an_unknown_pack_that_is_extended_is_named_with_its_line(tmp_path: Path) -> None:
    pack = tmp_path / "mine.toml"
    pack.write_text('[pack]\nname = "mine"\nlevel = "project"\nextends = ["CN-Nowhere"]\n', encoding="utf-8")
    with pytest.raises(FormatError, match=r"mine\.toml, line 4, key 'extends': packs must be among"):
        load_packs([pack])
    rule = '[[rule]]\nid = "r"\nindicator = "floor_area_rato"\nmark = "P"\ntext = "x"\nsource = "s"\n'
    pack.write_text(f'[pack]\nname = "mine"\nlevel = "project"\n{rule}', encoding="utf-8")
    with pytest.raises(FormatError, match=r"line 6, .*Did you mean 'floor_area_ratio'\?"):
        load_packs([pack])
