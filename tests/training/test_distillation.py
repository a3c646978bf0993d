"""Distillation: what a student learns from its teachers, and which teachers it may not have."""

import copy
from dataclasses import replace
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch

from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.predictions import Predictions
from mien.data.ferplus import distribution
from mien.data.formats import open_faces
from mien.models.classifier import Classifier, load_classifier
from mien.training.config import TrainConfig
from mien.training.distillation import Teachers, open_teachers
from mien.training.module import TrainingModule, class_weights
from mien.training.run_data import TrainingRun
from mien.workflows.train import resume

from .conftest import STILL, Small

FACES = open_faces("synthetic:140", seed=3)


def classifiers(count: int) -> list[Classifier]:
    torch.manual_seed(0)
    made = [Classifier("mien-n", FACES.classes, normalisation="global").eval() for _ in range(count)]
    made[0].temperature = 0.2  # far from uniform, so that it matters which is which
    return made


def module(
    student: Classifier, teachers: Teachers | None, *, faces: FaceSet = FACES, **changes: object
) -> TrainingModule:
    config = TrainConfig.parse({"data": "-", "recipe": "-", "model": "mien-n", **changes}, source="test")
    made = TrainingModule(student, config, faces=faces, held_out=FACES, teachers=teachers)
    made.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    made.log_dict = lambda *_, **__: None  # type: ignore[assignment,method-assign]
    return made


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("share", [1.0, 0.7])
def test_the_target_is_the_mean_of_the_teachers_mixed_with_the_label(share: float) -> None:
    *teachers, student = classifiers(3)
    made = module(student, Teachers(teachers), distillation={"share": share}, loss={"label_smoothing": 0.3})
    images, targets, rows = next(iter(made.train_dataloader()))
    with torch.no_grad():
        loss = made.training_step((images, targets, rows), 0).item()
    grey = images[:, 0].numpy()
    taught = np.mean([teacher.probabilities(grey) for teacher in teachers], axis=0)
    expected = share * taught + (1 - share) * (0.7 * targets.numpy() + 0.3 / 7)
    assert loss == pytest.approx(-(expected * np.log(student.probabilities(grey))).sum(axis=1).mean(), rel=1e-4)
    assert not np.allclose(taught, targets.numpy(), atol=0.1)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_students_see_corrupted_faces_and_teachers_see_what_they_were() -> None:
    teacher, student = classifiers(2)
    made = module(student, Teachers([teacher]), augment={"cover": 1.0})
    images, targets, rows = next(iter(made.train_dataloader()))
    seen: list[torch.Tensor] = []
    student.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    teacher.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    made.training_step((images, targets, rows), 0)
    of_teacher, of_student = seen
    assert of_teacher.equal(images.float())
    assert (of_student != images).flatten(1).any(dim=1).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_loss_is_the_weighted_cross_entropy_of_smoothed_labels() -> None:
    student = classifiers(1)[0]
    faces = FACES.select((FACES.targets > 2) | (np.arange(len(FACES)) % 3 > 0))
    loss_of = {"class_weights": True, "label_smoothing": 0.2}
    made = module(student, None, faces=faces, loss=loss_of, batch=len(faces))
    images, targets, rows = next(iter(made.train_dataloader()))
    with torch.no_grad():
        loss = made.training_step((images, targets, rows), 0).item()
    smoothed = 0.8 * targets.numpy() + 0.2 / 7
    weights = class_weights(faces).numpy()
    assert len(set(weights)) > 1
    expected = -(weights * smoothed * np.log(student.probabilities(images[:, 0].numpy()))).sum(axis=1).mean()
    assert loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_ferplus_teaches_the_shares_of_the_votes() -> None:
    votes = np.random.default_rng(0).integers(0, 5, (len(FACES), 10)).astype(np.uint8)
    votes[:, 1] = 40  # a majority, so that no face is dropped
    crowd = FaceSet(
        **{name: getattr(FACES, name) for name in ("images", "splits", "ids", "source")},
        targets=np.ones(len(FACES), np.int64),
        classes=("a", "b", "c", "d", "e", "f", "g", "h"),
        votes=votes,
        vote_names=tuple("abcdefghij"),
    )
    made = module(classifiers(1)[0], None, labels="ferplus", batch=len(FACES))
    made.faces = crowd
    images, targets, _ = next(iter(made.train_dataloader()))
    rows = [int(np.flatnonzero((FACES.images == image).all(axis=(1, 2)))[0]) for image in images[:, 0].numpy()]
    assert targets.numpy() == pytest.approx(distribution(votes)[rows])
    made.faces = replace(crowd, votes=None, vote_names=())  # sorted into FER+'s classes by hand
    assert set(np.unique(next(iter(made.train_dataloader()))[1].numpy())) == {0, 1}


@pytest.mark.long
def test_a_student_learns_what_its_teacher_says(small: Small) -> None:
    """It comes nearer to the teacher, which knows little yet, than one that learns the labels does."""
    teacher = small("teacher", epochs=3)
    student = small("student", epochs=12, seed=1, teachers=[str(teacher.path)], settings=STILL)
    assert student.read_json("config.json")["config"]["teachers"] == [str(teacher.path)]
    faces = TrainingRun(student.path).data.learned
    said, learned = (load_classifier(run.path).probabilities(faces.images) for run in (teacher, student))
    untaught = load_classifier(small("untaught", epochs=12, seed=1, settings=STILL).path).probabilities(faces.images)
    assert np.abs(said - learned).mean() < 0.5 * np.abs(said - untaught).mean()


FACES_OF_SMALL = open_faces("synthetic:420")


@pytest.mark.parametrize("views", [0, 2])
def test_a_distilled_run_resumes_exactly_and_keeps_no_teacher(small: Small, views: int) -> None:
    teacher, settings = str(small("teacher", epochs=1).path), (f"distillation.views={views}",)
    whole = small("whole", epochs=5, teachers=[teacher], settings=settings)
    parts = small("parts", epochs=3, teachers=[teacher], settings=settings)
    resume(parts.path, epochs=5)
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()
    kept = torch.load(whole.path / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert {key.partition(".")[0] for key in kept} == {"classifier"}


def predicted(path: Path, *, rows: np.ndarray, label: int = 0) -> str:
    """Write predictions that give these faces of the small run's data one label, surely."""
    probabilities = np.eye(7, dtype=np.float32)[np.full(len(rows), label)]
    ids = np.array([FACES_OF_SMALL.ids[row] for row in rows])
    Predictions(probabilities=probabilities, classes=FACES_OF_SMALL.classes, ids=ids, source="somewhere").save(path)
    return str(path)


def test_a_student_learns_from_files_of_predictions(small: Small, tmp_path: Path) -> None:
    """Each file has some of the faces; a face that two files have gets their mean."""
    everywhere = np.arange(len(FACES_OF_SMALL))
    files = [
        predicted(tmp_path / "even.npz", rows=everywhere[::2], label=1),
        predicted(tmp_path / "odd.npz", rows=everywhere[1::2][::-1], label=2),
        predicted(tmp_path / "first.npz", rows=everywhere[:100], label=3),
    ]
    student = small("student", epochs=2, teachers=files)
    data = TrainingRun(student.path).data
    teaching = open_teachers(data)
    assert teaching
    rows = torch.tensor([3, 200, 17])
    expected = np.zeros((3, 7))
    for place, row in enumerate(data.learned.ids[rows].astype(int)):
        expected[place, 1 + row % 2] = 1
        if row < 100:
            expected[place] = (expected[place] + np.eye(7)[3]) / 2
    assert teaching.probabilities(torch.empty(0), rows=rows, view=(0, 0)).numpy() == pytest.approx(expected)
    student = small("sure", epochs=12, teachers=[predicted(tmp_path / "all.npz", rows=everywhere)], settings=STILL)
    said = load_classifier(student.path).probabilities(data.learned.images).argmax(axis=1)
    assert (said == 0).all()


def test_a_run_that_predictions_taught_resumes_exactly(small: Small, tmp_path: Path) -> None:
    teacher = predicted(tmp_path / "all.npz", rows=np.arange(len(FACES_OF_SMALL)))
    whole = small("whole", epochs=3, teachers=[teacher], settings=("distillation.share=0.5",))
    parts = small("parts", epochs=2, teachers=[teacher], settings=("distillation.share=0.5",))
    resume(parts.path, epochs=3)
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()
    predicted(tmp_path / "all.npz", rows=np.arange(len(FACES_OF_SMALL)), label=5)
    with pytest.raises(DataError, match="a teacher has changed since"):
        resume(parts.path, epochs=4)


def test_predictions_that_can_not_teach_are_refused(small: Small, tmp_path: Path) -> None:
    few = predicted(tmp_path / "few.npz", rows=np.arange(200))
    with pytest.raises(DataError, match=r"no prediction for \d+ of the \d+ faces that are learned, such as \d+;"):
        small("student", teachers=[few])
    teacher = str(small("teacher", epochs=1).path)
    with pytest.raises(UsageError, match="either runs or files of predictions, not both"):
        small("student", teachers=[few, teacher])
    others = Predictions.load(Path(few))
    replace(others, classes=others.classes[::-1]).save(tmp_path / "others.npz")
    with pytest.raises(UsageError, match=r"others.npz: has the classes neutral"):
        small("student", teachers=[str(tmp_path / "others.npz")])
    targets = np.roll(np.arange(200) % 7, 1)
    replace(others, targets=targets).save(tmp_path / "labels.npz")
    with pytest.raises(DataError, match=r"labels.npz: \d+ of \d+ faces have another label than in"):
        small("student", teachers=[str(tmp_path / "labels.npz")])
    (tmp_path / "text.npz").write_text("no predictions")
    with pytest.raises(DataError, match=r"text.npz"):
        small("student", teachers=[str(tmp_path / "text.npz")])
    assert not (tmp_path / "student").exists()


def test_views_that_come_again_are_judged_once(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[torch.Tensor] = []
    plain = Teachers.probabilities

    def probabilities(
        self: Teachers, faces: torch.Tensor, *, rows: torch.Tensor, view: tuple[int, int]
    ) -> torch.Tensor:
        said = plain(self, faces, rows=rows, view=view)
        judged.append(faces)
        assert said.allclose(plain(Teachers(self.classifiers), faces, rows=rows, view=view), atol=1e-6)
        return said

    monkeypatch.setattr(Teachers, "probabilities", probabilities)
    teacher = str(small("teacher", epochs=1).path)
    small("student", epochs=4, teachers=[teacher], settings=("distillation.views=3",))
    first, second, _, again = np.split(np.arange(len(judged)), 4)
    same = [[bool(judged[i].equal(judged[j])) for i, j in zip(first, each, strict=True)] for each in (second, again)]
    assert [any(same[0]), all(same[1])] == [False, True]


def test_a_teacher_that_has_seen_the_held_out_faces_is_refused(small: Small, tmp_path: Path) -> None:
    teacher = str(small("teacher", epochs=1).path)
    with pytest.raises(UsageError, match=r"teacher: held out other faces"):
        small("student", teachers=[teacher], settings=("holdout.seed=1",))
    with pytest.raises(UsageError, match="held out other faces"):
        small("student", data="synthetic:350", teachers=[teacher])
    assert not (tmp_path / "student").exists()


def test_a_student_does_not_replace_its_teacher(small: Small) -> None:
    teacher = small("teacher", epochs=1)
    with pytest.raises(UsageError, match=r"is or holds .*teacher, which is needed for it"):
        small("teacher", teachers=[str(teacher.path)], overwrite=True)
    assert (teacher.path / "model.safetensors").exists()


def test_a_resumed_student_has_the_teachers_that_it_had(small: Small) -> None:
    teacher = small("teacher", epochs=1)
    student = small("student", epochs=1, teachers=[str(teacher.path)])
    small("teacher", epochs=1, seed=1, overwrite=True)
    with pytest.raises(DataError, match=r"student: a teacher has changed since; start a new run"):
        resume(student.path, epochs=2)
    assert student.state == "finished"


def test_averaged_weights_copy_no_faces_and_no_teachers() -> None:
    made = module(classifiers(1)[0], Teachers(classifiers(2)))
    copied = copy.deepcopy(made)
    assert copied.faces is made.faces
    assert copied.teachers is made.teachers
    assert copied.classifier is not made.classifier


def test_a_teacher_of_other_classes_is_refused(small: Small, noise: str) -> None:
    teacher = small("teacher", epochs=1)
    card = teacher.read_json("model.json")
    (teacher.path / "model.json").write_text(
        str(card | {"classes": card["classes"][::-1]}).replace("'", '"').replace("None", "null")
    )
    with pytest.raises(UsageError, match="has the classes neutral, surprise"):
        small("student", teachers=[str(teacher.path)])
    with pytest.raises(DataError, match="nowhere: no run folder"):
        small("student", teachers=["nowhere"])
