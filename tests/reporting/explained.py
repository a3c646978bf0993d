"""What `mien ablate` and `mien explain` leave, written without a model."""

from dataclasses import replace

import numpy as np

from mien.core.ablation import Ablation, AblationRun
from mien.core.arrays import write_arrays
from mien.core.files import write_json
from mien.core.schema import SCHEMA_VERSION
from mien.evaluation.ablation import arm_scores, effects

MODEL = {"name": "a", "version": "0.1.0", "sha256": "0" * 64}
METHODS = ("saliency", "occlusion")
REGIONS = {
    "brows": 0.07,
    "eyes": 0.08,
    "nose": 0.07,
    "mouth": 0.11,
    "rest of the face": 0.28,
    "outside": 0.39,
}


def curve(area):
    falls = np.linspace(0.8, 0.1, 25).tolist()
    areas = {"deletion": 0.4 - area, "insertion": 0.4 + area, "score": 2 * area}
    return {**areas, "deletion_curve": falls, "insertion_curve": falls[::-1]}


def method(area, *, beats, mask, delta=None):
    over = {"difference": area, "interval": [area - 0.02 if beats else -0.02, area + 0.02]}
    return curve(area) | {
        "over_controls": {"random order": over, "centre first": over},
        "randomisation": {"output layer": 0.9, "upper half": 0.45, "all layers": 0.12},
        "regions": dict(zip(REGIONS, (0.1, 0.15, 0.1, 0.3, 0.2, 0.15), strict=True)),
        "features_over_area": {"difference": 0.32, "interval": [0.28, 0.36]},
        "mask": mask,
        "convergence_delta": delta,
        "beats_controls": beats,
    }


def null(share, lead):
    return {"share": share, "lead": {"difference": lead, "interval": [lead - 0.02, lead + 0.02]}}


def elsewhere(probability):
    lead = probability - 0.28
    return {"probability": probability, "lead": {"difference": lead, "interval": [lead - 0.01, lead + 0.01]}}


def attribution_json(classes, *, synthetic=False, beats=(False, True)):
    """All of `attribution.json`; its network is no guess, needs the features, and occlusion beats every null."""
    mask = {"share": 0.3, "over_area": {"difference": 0.18, "interval": [0.15, 0.21]}} if synthetic else None
    methods = {
        name: method(area, beats=each, mask=mask, delta=0.01 if name == "saliency" else None)
        for name, area, each in zip(METHODS, (0.1, 0.2), beats, strict=True)
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "model": MODEL,
        "source": "/data/fer2013.csv",
        "synthetic": synthetic,
        "classes": list(classes),
        "split": "test",
        "methods": list(METHODS),
        "share": 0.7,
        "layer": "drop3",
        "filters": "conv2",
        "seed": 0,
        "comparison": {
            "faces": 105,
            "randomised_faces": 28,
            "methods": methods,
            "controls": {"random order": curve(0.01), "centre first": curve(0.05)},
            "region_areas": REGIONS,
            "mask_area": 0.12 if synthetic else None,
            "nulls": {
                "random weights": null(0.35, 0.30),
                "edges of the face": null(0.4, 0.25),
                "centred Gaussian": null(0.45, 0.20),
            },
        },
        "against_guessing": {"accuracy": 0.66, "interval": [0.64, 0.68], "most_frequent": 0.25},
        "features": {
            "faces": 3589,
            "whole": 0.58,
            "blanked": 0.28,
            "area": 0.33,
            "elsewhere": {
                "in the middle of the picture": elsewhere(0.33),
                "where its edges are strongest": elsewhere(0.36),
                "in the same shape upside down": elsewhere(0.38),
            },
        },
    }


def write_explained(folder, *, classes, synthetic=False, faces=14, filters=6, stripes=0.0):
    """Write all parts; `stripes` is how strongly stripes excite each filter, made pictures do so by 2, 3 and so on."""
    generator = np.random.default_rng(5)

    def pictures(*axes):
        return generator.integers(0, 256, (*axes, 48, 48), dtype=np.uint8)

    labels, targets = np.arange(faces) % len(classes), (np.arange(faces) // 2) % len(classes)
    arrays = {
        "rows": np.arange(faces),
        "images": pictures(faces),
        "labels": labels,
        "targets": targets,
        "ids": np.array([f"row {row}" for row in range(faces)]),
        "probabilities": np.full((faces, len(classes)), 1 / len(classes), np.float32),
    }
    for name in METHODS:
        arrays[f"{name}/maps"] = generator.normal(size=(faces, 48, 48)).astype(np.float32)
        arrays[f"{name}/masked"] = pictures(faces)
        arrays[f"{name}/class_maps"] = generator.random((len(classes), 48, 48)).astype(np.float32)
        arrays[f"{name}/class_maps"][-1] = np.nan  # no face was given the last class
    write_arrays(folder / "attribution.npz", arrays)
    write_json(folder / "attribution.json", attribution_json(classes, synthetic=synthetic))
    arrays = {"channels": np.arange(filters), "pictures": pictures(filters), "real_images": pictures(filters, 5)}
    made = np.arange(filters) + 2.0
    arrays |= {"activations": made, "real_activations": np.full((filters, 5), 2.0)}
    arrays |= {"real_means": np.zeros(filters), "real_sds": np.full(filters, 0.5)}
    arrays |= {"simple_images": pictures(filters), "simple_names": np.full(filters, "stripes 4 px, 45°")}
    arrays |= {"simple_activations": np.full(filters, stripes)}
    write_arrays(folder / "filters.npz", arrays)
    values = {"model": MODEL, "layer": "conv2", "filters": filters, "layer_filters": 400}
    values |= {"faces": 1000, "synthetic": synthetic, "above_all_faces": filters - 1, "simple_pictures": 151}
    values |= {"above_all_simple": int((made > stripes).sum())}
    write_json(folder / "filters.json", {"schema_version": SCHEMA_VERSION, **values})
    maps = generator.normal(size=(60, 21, 21)).astype(np.float32)
    arrays = {"channels": np.arange(60)[::-1], "maps": maps, "responses": np.arange(60.0), "image": pictures()}
    write_arrays(folder / "feature_maps.npz", arrays)
    write_json(
        folder / "feature_maps.json",
        {"schema_version": SCHEMA_VERSION, "model": MODEL, "layer": "conv2", "face": "row 3", "synthetic": synthetic},
    )


def ablation_of(*, synthetic=False, failed=0):
    """Twelve runs: normalisation is worth nothing, augmentation four points."""
    factors = {"normalisation": ("none", "per-pixel"), "augmentation": ("none", "report")}
    runs = []
    for seed in (0, 1, 2):
        for first in factors["normalisation"]:
            for second in factors["augmentation"]:
                accuracy = 0.6 + 0.003 * seed
                if first != "none":
                    accuracy += 0.002 * (-1) ** seed
                if second != "none":
                    accuracy += 0.039 + 0.001 * seed
                runs.append(
                    AblationRun(
                        levels={"normalisation": first, "augmentation": second},
                        seed=seed,
                        run=f"arms/normalisation={first},augmentation={second}/seed-{seed}",
                        split="test",
                        faces=3589,
                        accuracy=accuracy,
                    )
                )
    for k in range(failed):
        runs[k] = replace(runs[k], accuracy=None, reason="RuntimeError: out of memory")
    return Ablation(
        run="runs/train/a/ablation",
        source="/data/fer2013.csv",
        synthetic=synthetic,
        network="mien-n",
        recipe="mien-n",
        epochs=20,
        seeds=(0, 1, 2),
        factors=factors,
        arms=arm_scores(runs),
        effects=effects(runs, factors),
        runs=tuple(runs),
    )
