"""Another mixture of classes by every way in: the numbers are those of `change_prior`."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from mien.core.bundle import Bundle
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.prior import change_prior, estimate_prior
from mien.core.runs import RunDir
from mien.core.summaries import summarise_scores
from mien.data.formats import open_faces
from mien.jobs.run import predict_job

from .web.node import NO_NODE, NODE, Worker

DRAWN = "synthetic:42"


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    return open_faces(DRAWN)


def test_load_predict_and_a_model_agree(faces: FaceSet) -> None:
    plain = mien.load("mien-n", threads=1)
    uniform = mien.load("mien-n", threads=1, prior="uniform")
    expected = change_prior(plain(faces.images), old=plain.prior, new=uniform.prior)
    assert set(uniform.prior.values()) == {1 / 7}
    assert (uniform(faces.images) == expected).all()
    assert np.abs(expected - plain(faces.images)).max() > 0.05
    given = mien.predict(faces, plain, prior=uniform.prior)
    for results in (uniform.predict(faces), plain.predict(faces, prior="uniform"), given):
        rows = [list(face.probabilities.values()) for face in results.faces]
        assert rows == pytest.approx(expected, abs=1e-6)
    trained = mien.load("mien-n", threads=1, prior="training")
    assert (plain(faces.images) == trained(faces.images)).all()
    assert given.warnings[0].startswith(
        "the probabilities are for another mixture of classes than the model's own: angry 14.3 %, "
    )
    assert plain.warnings == trained.warnings == ()


def test_an_estimate_is_of_the_faces_at_hand(faces: FaceSet, caplog: pytest.LogCaptureFixture) -> None:
    model = mien.load("mien-n", threads=1)
    shares = estimate_prior(model(faces.images), old=model.prior)
    with caplog.at_level(logging.INFO, logger="mien"):
        assert model.estimate_prior(faces) == pytest.approx(shares)
    assert "estimated from 42 faces; fewer than 100 say little" in caplog.text
    assert f"estimated shares: angry={shares['angry']:.3f},disgust=" in caplog.text
    found = model.predict(faces, prior="estimate").faces
    expected = change_prior(model(faces.images), old=model.prior, new=shares)
    assert [list(face.probabilities.values()) for face in found] == pytest.approx(expected, abs=1e-4)


def test_what_can_be_read_once_has_no_estimate(tmp_path: Path) -> None:
    model = mien.load("mien-n", threads=1)
    with pytest.raises(UsageError, match="reads the source twice"):
        model.predict(iter([np.zeros((100, 100), np.uint8)]), prior="estimate")
    with pytest.raises(DataError, match="no faces to estimate"):
        model.predict(np.zeros((100, 100), np.uint8), prior="estimate")
    with pytest.raises(UsageError, match="needs all faces at once"):
        mien.load("mien-n", prior="estimate")


def test_an_estimate_of_a_nearly_untrained_network_is_doubted(
    studied: RunDir, exported: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = Path(shutil.copytree(studied.path, tmp_path / "copy"))
    said = []
    for score in (
        lambda: mien.evaluate(copy, prior="estimate"),
        lambda: mien.evaluate(exported, DRAWN, prior="estimate"),
        lambda: mien.predict(DRAWN, exported, prior="estimate"),
    ):
        caplog.clear()
        score()
        said.append(caplog.text)
    for text in said:
        assert "the classes apart: say the shares with --prior" in text.replace("of these faces ", "")


def test_an_estimate_of_a_network_that_ships_is_not(real: FaceSet, caplog: pytest.LogCaptureFixture) -> None:
    mien.evaluate("mien-n", real.select(np.flatnonzero(real.splits == "train")[:300]), split="train", prior="estimate")
    assert "apart" not in caplog.text
    assert "say little" not in caplog.text


@pytest.mark.parametrize("prior", ["uniform", "estimate"])
def test_a_bundle_is_scored_with_it(prior: str, exported: Bundle) -> None:
    plain = mien.evaluate(exported, "synthetic:210")
    scores = mien.evaluate(exported, "synthetic:210", prior=prior)
    assert plain.prior is None
    assert plain.published_accuracy is not None
    assert scores.prior is not None
    assert sum(scores.prior.values()) == pytest.approx(1)
    assert scores.published_accuracy is None  # the card's is for another mixture
    assert scores.log_loss != plain.log_loss
    sentence = "probabilities for this mixture of classes: angry"
    assert sentence in str(summarise_scores(scores)[0])
    assert sentence not in str(summarise_scores(plain)[0])


def test_a_runs_scores_with_it_lie_beside_the_others(studied: RunDir, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(studied.path, tmp_path / "copy"))
    plain = mien.evaluate(copy)
    before = (copy / "eval/test/metrics.json").read_bytes()
    scores = mien.evaluate(copy, prior="uniform")
    assert (copy / "eval/test/metrics.json").read_bytes() == before
    assert (copy / "eval/test-uniform/metrics.json").is_file()
    assert plain.prior is None
    assert scores.prior == pytest.approx(dict.fromkeys(scores.classes, 1 / 7))


@pytest.fixture(scope="module")
def stored(studied: RunDir, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose graphs assume that there are three classes alike."""
    shares = dict.fromkeys(studied.read_json("model.json")["classes"], 0.0)
    shares |= dict.fromkeys(("angry", "happy", "sad"), 1.0)
    return mien.export(studied, out=tmp_path_factory.mktemp("stored"), prior=shares)


def test_a_bundle_has_it_in_its_graphs(exported: Bundle, stored: Bundle, faces: FaceSet) -> None:
    card = stored.card
    assert card.prior is not None
    assert card.prior["happy"] == pytest.approx(1 / 3)
    assert card.prior["fear"] == 0
    for precision in ("fp32", "int8"):
        plain, model = (mien.load(bundle, precision=precision, threads=1) for bundle in (exported, stored))
        assert model.prior == card.prior
        expected = change_prior(plain(faces.images), old=plain.prior, new=card.prior)
        assert model(faces.images) == pytest.approx(expected, abs=0.03 if precision == "int8" else 1e-5)
    assert mien.evaluate(stored, "synthetic:210").prior == card.prior
    assert (stored.path / "CARD.md").read_text(encoding="utf-8").count("| 33.3 % |") == 3
    assert "`assumed share`" not in (exported.path / "CARD.md").read_text(encoding="utf-8")


def test_a_class_that_a_bundle_has_lost_stays_lost(stored: Bundle) -> None:
    with pytest.raises(UsageError, match="exported for faces without disgust and fear and surprise and neutral"):
        mien.load(stored, prior="uniform")


def test_a_prior_asked_for_replaces_the_stored_one(stored: Bundle, faces: FaceSet) -> None:
    shares = dict.fromkeys(stored.classes, 0.0) | {"happy": 0.9, "sad": 0.1}
    model = mien.load(stored, threads=1)
    assert model.with_prior(shares)(faces.images) == pytest.approx(
        change_prior(model(faces.images), old=model.prior, new=shares), abs=1e-6
    )


@pytest.mark.skipif(NODE is None, reason=NO_NODE)
def test_the_browser_gives_the_same_with_it(stored: Bundle, faces: FaceSet, tmp_path: Path) -> None:
    worker = Worker(tmp_path, stored)
    options = {"align": True, "crops": True, "min_confidence": 0.0, "min_px": 0.0, "largest": False}
    images = [np.repeat(image[:, :, None], 3, axis=2) for image in faces.images[:5]]
    for image in images:
        worker.ask("picture", name="face", picture=image, options=options)
    model = mien.load(stored, threads=1)
    for answer, image in zip(worker.answers(), images, strict=True):
        [face] = model.predict(image, crops=True).faces
        assert answer["records"][0]["probabilities"] == pytest.approx(face.probabilities, abs=5e-4)


def test_a_job_keeps_to_its_shares(tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    for number in range(3):
        level = np.random.default_rng(number).integers(0, 256, (48, 48)).astype(np.uint8)
        Image.fromarray(level).save(tmp_path / f"pics/{number}.png")
    out = tmp_path / "faces"
    predict_job(tmp_path / "pics", out, model="mien-n", workers=1, crops=True, prior="uniform")
    rows = pytest.importorskip("pandas").read_parquet(out)
    expected = mien.predict(tmp_path / "pics", "mien-n", crops=True, prior="uniform").to_pandas()
    assert rows["probability"].tolist() == pytest.approx(expected["probability"].tolist(), abs=1e-6)
    with pytest.raises(UsageError, match="other settings"):
        predict_job(tmp_path / "pics", out, model="mien-n", workers=1, crops=True)
    with pytest.raises(UsageError, match="mien predict SAMPLE --prior estimate"):
        predict_job(tmp_path / "pics", tmp_path / "other", model="mien-n", workers=1, prior="estimate")
