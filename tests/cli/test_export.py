"""`mien export`, and what `mien eval` and `mien models` make of a bundle."""

import json

import pytest

from mien.core.bundle import Bundle
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
    assert lines[0] == "mien-n: 42 faces of split 'test' (synthetic: says nothing of real faces)"
    for precision, file in exported.card["files"].items():
        line = next(line for line in lines if f" {file['file']} " in line)
        assert f"{file['bytes']:,}" in line
        assert f"{exported.card['scores'][precision]['accuracy']:.4f}" in line
    assert f"default: {exported.card['precision']['default']}" in done.out
    assert "say nothing: " in done.out
    assert lines[-1] == str(exported.path)
    told = json.loads(mien("export", "latest", "--json").out)
    assert told == {"schema_version": SCHEMA_VERSION, "path": str(exported.path), "card": exported.card}


def test_no_threshold(mien: Mien, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.card["abstention"] |= {"max_risk": 0.01, "threshold": None, "held_out": None, "judged": None}
    monkeypatch.setattr("mien.workflows.export.export", lambda *_, **__: bundle)
    assert "no threshold brings the errors of accepted faces down to 1%" in mien("export", "latest").out


def test_a_threshold_that_was_not_judged(mien: Mien, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    del bundle.card["abstention"]["judged"]
    monkeypatch.setattr("mien.workflows.export.export", lambda *_, **__: bundle)
    assert "whether the threshold holds for others is not known" in mien("export", "latest").out


def test_a_failed_gate_is_exit_code_4(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise GateError("not the network")

    monkeypatch.setattr("mien.workflows.export.export", refuse)
    done = mien("export", "latest")
    assert (done.code, done.out, done.err) == (4, "", "mien: not the network\n")


def test_eval_scores_a_bundle(mien: Mien, exported: Bundle) -> None:
    scores = json.loads(mien("eval", exported.path, "--data", "synthetic:210", "--precision", "fp32", "--json").out)
    published = exported.card["scores"]["fp32"]["accuracy"]
    assert scores["accuracy"] == scores["published_accuracy"] == published
    before = sorted(path.name for path in exported.path.iterdir())
    done = mien("eval", exported.path, "--data", "synthetic:210", "--precision", "fp32")
    assert f"published        {published:.4f}   by the card of mien-n, on the same faces" in done.out
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
    monkeypatch.setattr("mien.core.bundle.weights", lambda: exported.path.parent)
    told = json.loads(mien("models", "--json").out)["bundles"]
    assert [(each["name"], each["split"], each["faces"]) for each in told] == [(exported.path.name, "test", 42)]
    assert f"{exported.path.name} ships: accuracy {told[0]['accuracy']:.4f}" in mien("models").out
