"""`mien export`, and what `mien eval` and `mien models` make of a bundle."""

import json
from dataclasses import replace

import pytest

from mien.core.bundle import Bundle
from mien.core.card import Card
from mien.core.errors import GateError
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION

from .conftest import Mien


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch, exported: Bundle) -> None:
    """The verb's function answers at once."""
    monkeypatch.setattr("mien.workflows.export.export", lambda *_, **__: exported)


def test_export_says_what_was_measured(mien: Mien, export: None, exported: Bundle) -> None:
    done = mien("export", "latest")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"{exported.card.name}: 42 faces of split 'test' (synthetic: says nothing of real faces)"
    for precision, graph in exported.card.files.items():
        line = next(line for line in lines if f" {graph.file} " in line)
        assert f"{graph.bytes:,}" in line
        assert f"{100 * exported.card.scores.of(precision).accuracy:.1f} %" in line
    assert f"default: {exported.card.precision.default}" in done.out
    assert "for at most 100 % wrong labels" in done.out
    assert lines[-1] == str(exported.path)
    told = json.loads(mien("export", "latest", "--json").out)
    assert told["schema_version"] == SCHEMA_VERSION
    assert told["path"] == str(exported.path)
    assert Card.from_dict(told["card"], source="stdout") == exported.card


def test_no_threshold(mien: Mien, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    none = replace(bundle.card.abstention, max_risk=0.01, threshold=None, held_out=None, scored=None)
    without = replace(bundle, card=replace(bundle.card, abstention=none))
    monkeypatch.setattr("mien.workflows.export.export", lambda *_, **__: without)
    assert "no threshold is sure to bring the errors of accepted faces down to 1 %" in mien("export", "latest").out


def test_a_threshold_that_was_not_judged(mien: Mien, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    unscored = replace(bundle.card.abstention, scored=None)
    without = replace(bundle, card=replace(bundle.card, abstention=unscored))
    monkeypatch.setattr("mien.workflows.export.export", lambda *_, **__: without)
    assert "it is not known whether the threshold holds for others" in mien("export", "latest").out


def test_a_failed_gate_is_exit_code_4(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise GateError("not the network")

    monkeypatch.setattr("mien.workflows.export.export", refuse)
    done = mien("export", "latest")
    assert (done.code, done.out, done.err) == (4, "", "mien: not the network\n")


def test_eval_scores_a_bundle(mien: Mien, exported: Bundle) -> None:
    scores = json.loads(mien("eval", exported.path, "--data", "synthetic:210", "--precision", "fp32", "--json").out)
    published = exported.card.scores.fp32.accuracy
    assert scores["accuracy"] == scores["published_accuracy"] == published
    before = sorted(path.name for path in exported.path.iterdir())
    done = mien("eval", exported.path, "--data", "synthetic:210", "--precision", "fp32")
    assert (
        f"published         {100 * published:.2f} %   by the card of {exported.card.name}, on the same faces"
        in done.out
    )
    assert sorted(path.name for path in exported.path.iterdir()) == before
    gate = mien("eval", exported.path, "--data", "synthetic:210", "--min-accuracy", "1")
    assert gate.code == 4


def test_what_eval_refuses(mien: Mien, exported: Bundle, studied: RunDir) -> None:
    done = mien("eval", exported.path)
    assert (done.code, done.out) == (2, "")
    assert f"mien eval {exported.path} --data fer2013.csv" in done.err
    assert "a bundle runs on the CPU" in mien("eval", exported.path, "--data", "x", "--device", "cuda").err
    assert "--precision belongs to a bundle" in mien("eval", studied.path, "--precision", "int8").err


def test_models_lists_what_ships(mien: Mien, exported: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("core.bundle", "workflows.models"):
        monkeypatch.setattr(f"mien.{module}.weights", lambda: exported.path.parent)
    told = json.loads(mien("models", "--json").out)["bundles"]
    assert [(one["model"]["name"], one["split"], one["faces"]) for one in told] == [(exported.card.name, "test", 42)]
    line = next(line for line in mien("models").out.splitlines() if line.split()[:1] == [exported.card.name])
    assert f" {100 * told[0]['accuracy']:.1f} %" in line
