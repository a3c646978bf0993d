import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.core.bundle import Bundle, find, shipped
from mien.core.card import DefaultPrecision
from mien.core.errors import DataError, UsageError
from mien.core.schema import SCHEMA_VERSION


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_card_tells_what_the_files_are(exported: Bundle, precision: str) -> None:
    content = exported.read_model(precision)
    graph = exported.card.files[precision]
    assert (graph.bytes, graph.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (exported.path / graph.file).read_bytes() == content


def test_the_default_is_the_card_s(bundle: Bundle) -> None:
    for default in ("fp32", "int8"):
        other = replace(bundle.card, precision=DefaultPrecision(default=default, reason=""))
        assert replace(bundle, card=other).read_model() == bundle.read_model(default)


def test_a_bundle_of_one_graph(bundle: Bundle) -> None:
    """The other is refused by name; a default that is not there is a damaged card."""
    card = bundle.card.to_dict()
    card |= {"files": {"int8": card["files"]["int8"]}, "precision": {"default": "int8", "reason": ""}}
    (bundle.path / "model.onnx").unlink()
    (bundle.path / "card.json").write_text(json.dumps(card))
    alone = Bundle.open(bundle.path)
    assert alone.read_model() == bundle.read_model("int8")
    with pytest.raises(UsageError, match="no fp32 in this bundle, only int8"):
        alone.read_model("fp32")
    (bundle.path / "card.json").write_text(json.dumps(card | {"precision": {"default": "fp32", "reason": ""}}))
    with pytest.raises(DataError, match="the default is fp32, and the bundle doesn't hold it"):
        Bundle.open(bundle.path)


def test_a_damaged_file(bundle: Bundle) -> None:
    path = bundle.path / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found, expected = hashlib.sha256(content).hexdigest(), bundle.card.files["fp32"].sha256
    with pytest.raises(DataError, match=f"model.onnx: damaged or replaced .*{found}.*{expected}.* export again"):
        bundle.read_model("fp32")
    bundle.read_model("int8")
    path.unlink()
    with pytest.raises(DataError, match=r"model.onnx: can't be read"):
        bundle.read_model("fp32")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"schema_version": SCHEMA_VERSION + 1},
            rf"copy: written by a newer mien \(schema_version {SCHEMA_VERSION + 1}\)",
        ),
        (
            {"schema_version": 0},
            r"copy: written by an older mien \(schema_version 0\).*; export it again, or use an older",
        ),
        ({"schema_version": "1"}, r"copy: damaged \(schema_version '1', expected"),
        ({"classes": None}, r"\$\.classes"),
        ({"files": {}}, "the bundle doesn't hold it"),
        ({"files": {"fp16": {"file": "model.onnx", "bytes": 1, "sha256": ""}}}, r"\$\.files"),
        (
            {"files": {"fp32": {"file": "../x", "bytes": 1, "sha256": ""}}},
            r"the fp32 graph is '\.\./x', expected",
        ),
        ({"precision": {"default": "fp16", "reason": ""}}, r"\$\.precision\.default"),
        ({"precision": {"default": {}}}, r"\$\.precision\.default"),
        ({"input": {}}, r"\$\.input"),
        ({"classes": ["a", 3]}, r"\$\.classes\[1\]"),
        ({"classes": ["a", "b\x1b[2J"]}, "characters that can't be shown"),
        ({"classes": ["a", "a"]}, "not unique"),
        ({"training": {"data": []}}, r"\$\.training\.data"),
        ({"scores": {"split": 3}}, r"\$\.scores"),
        ({"prior": {"happy": 1.0}}, "shares of happy, expected one of each class"),
        ({"versions": {"numpy": "2"}}, r"card\.json: damaged \(versions has no 'mien'\)"),
    ],
)
def test_a_damaged_card(bundle: Bundle, change: dict[str, Any], message: str) -> None:
    (bundle.path / "card.json").write_text(json.dumps(bundle.card.to_dict() | change))
    with pytest.raises(DataError, match=message):
        Bundle.open(bundle.path)


@pytest.mark.parametrize(("part", "key", "value"), [("input", "crop_margin", 1e9), ("scores", "fp32", None)])
def test_a_damaged_part_of_a_card(bundle: Bundle, part: str, key: str, value: object) -> None:
    card = bundle.card.to_dict()
    card[part] |= {key: value}
    (bundle.path / "card.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=rf"\$\.{part}\.{key}"):
        Bundle.open(bundle.path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"schema_version": NaN}'])
def test_no_card(bundle: Bundle, text: str) -> None:
    (bundle.path / "card.json").write_text(text)
    with pytest.raises(DataError, match=r"card\.json"):
        Bundle.open(bundle.path)


def test_a_graph_that_is_a_link_out_of_the_bundle(bundle: Bundle, tmp_path: Path) -> None:
    graph = (bundle.path / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    (bundle.path / "model.onnx").symlink_to(graph)
    with pytest.raises(DataError, match=r"model\.onnx: a link to a file outside the bundle"):
        bundle.read_model("fp32")
    (tmp_path / "link").symlink_to(bundle.path)
    assert Bundle.open(tmp_path / "link").read_model("int8") == bundle.read_model("int8")


def test_a_name_that_is_too_long_for_one() -> None:
    with pytest.raises(DataError, match="File name too long"):
        Bundle.open("x" * 300)
    with pytest.raises(DataError, match="no bundle"):
        Bundle.open("a\0b")


def test_where_bundles_are_found(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundle.path, "runs/export/mine")
    shutil.copytree(bundle.path, "weights/ours")
    monkeypatch.setattr("mien.core.bundle.weights", lambda: tmp_path / "weights")
    assert shipped() == ["ours"]
    assert Bundle.open("mine").path == tmp_path / "runs/export/mine"
    assert Bundle.open("ours").path == tmp_path / "weights/ours"
    with pytest.raises(DataError, match=r"our: no bundle .* did you mean ours\?; `mien export RUN` makes one"):
        Bundle.open("our")
    run = Path("runs/train/ours/config.json")
    run.parent.mkdir(parents=True)
    run.write_text("{}")
    assert find("runs/train/ours") is None
    assert find("ours") == tmp_path / "weights/ours"
    shutil.copytree(bundle.path, "runs/export/ours")
    with pytest.raises(
        UsageError, match=r"'ours' names two bundles: .*/runs/export/ours and .*/weights/ours, which ship"
    ):
        find("ours")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "no model: the name is empty"),
        ("https://example.org/model", "mien does not download; save it first"),
        ("hf://a/b", "mien does not download"),
    ],
)
def test_an_empty_name_or_an_address_is_no_bundle(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Bundle.open(name)
