"""Make the run of a bundle that ships again, from its card and its weights, so that it can be exported anew.

    python dev/run_of_bundle.py mien-s fer2013.parquet runs/train/mien-s
    mien export runs/train/mien-s --out src/mien/weights/mien-s --overwrite --weights --flip --max-risk 0.2

The weights are those of the bundle, in 16 bits, and calibrated again, as a training ends.
"""

import argparse
from pathlib import Path

from mien.core.bundle import Bundle
from mien.core.files import write_json
from mien.models.classifier import classifier_of, save_classifier
from mien.training.calibration import calibrate_classifier
from mien.training.config import TrainConfig
from mien.training.run_data import RunData
from mien.workflows.train import create_run


def main() -> None:
    """Write the run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("data", help="what the network learned from, with the votes in it")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    bundle = Bundle.open(given.bundle)
    training = bundle.card.training
    config = TrainConfig.model_validate({**training.config, "data": given.data, "votes": None})
    data = RunData.open(config.model_copy(update={"teachers": ()}))  # which aren't there any more
    if data.faces.row_fingerprint != training.data.row_fingerprint:
        raise SystemExit(f"{given.data}: not the faces that {bundle.card.name} learned from")
    classifier = classifier_of(bundle)
    classifier.flip, classifier.temperature, classifier.bias = False, 1.0, None
    calibrate_classifier(classifier, data.held_out)
    with create_run(data, verb="train", out=given.out) as run:
        stored = run.read_json("config.json")
        stored["config"]["teachers"] = training.config["teachers"]
        stored |= {"versions": training.versions, "git_commit": training.git_commit}
        if training.init:
            stored["init"] = training.init.to_dict()
        write_json(run.path / "config.json", stored)
        save_classifier(classifier, run.path, epoch=config.epochs)
        run.set_status("finished")


if __name__ == "__main__":
    main()
