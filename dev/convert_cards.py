"""Convert the cards of mien 0.1 (schema version 1) to today's keys; nothing that was measured changes.

    python dev/convert_cards.py src/mien/weights/*/

Written once, for the bundles that ship; kept as the record of what was renamed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from mien.core.card import Card
from mien.core.schema import SCHEMA_VERSION
from mien.exporting.card import LICENCE_OF_DATA, LIMITS, LIMITS_OF_DATA, _weaknesses, card_page

_8_BITS = "The 8-bit graph was measured on a processor with VNNI. On older x86 processors its sums may overflow: "
OF_GRAPHS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("fp32",): (),
    ("int8",): (f"{_8_BITS}check it there with `mien eval`.",),
    ("fp32", "int8"): (f"{_8_BITS}check it there with `mien eval`, or use fp32.",),
}
"""What was true of 8-bit graphs until their weights were kept within 7 bits."""


def convert(card: dict[str, Any], name: str) -> Card:
    """Rename the keys of one card."""
    card["schema_version"] = SCHEMA_VERSION
    card["network"]["model"] = card["name"]
    card["name"] = name
    card["classes"] = card.pop("labels")
    card["input"]["resize"] = card["input"]["resize"].replace("mien.core.pixels", "mien.core.images")
    for precision in ("fp32", "int8"):
        scores = card["scores"][precision]
        scores["confused_pairs"] = scores.pop("most_confused")
        scores["annotator_accuracy"] = scores.pop("crowd_accuracy")
        scores["without_duplicates"] = scores.pop("without_copies")
        if scores["without_duplicates"]:
            scores["without_duplicates"]["duplicates"] = scores["without_duplicates"].pop("copies")
    abstention = card["abstention"]
    curves = abstention.pop("risk_coverage")
    abstention["held_out_curve"] = curves["held_out"]
    abstention["curve"] = curves.get("judged")
    abstention["scored"] = abstention.pop("judged", None)
    synthetic = card["synthetic"]
    card["limits"] = []
    converted = Card.from_dict(card, source=name)
    limits = [LIMITS_OF_DATA[synthetic], *LIMITS, *OF_GRAPHS[tuple(converted.files)]]
    limits += _weaknesses(converted.scores.of(converted.precision.default))
    card["limits"] = limits
    card["licence"]["data"] = LICENCE_OF_DATA[synthetic]
    card["precision"]["reason"] = card["precision"]["reason"].replace(
        "up to 0.3 lost are allowed", "it may lose up to 0.3"
    )
    return Card.from_dict(card, source=name)


for folder in map(Path, sys.argv[1:]):
    card = convert(json.loads((folder / "card.json").read_text(encoding="utf-8")), folder.resolve().name)
    card.write(folder / "card.json")
    (folder / "CARD.md").write_text(card_page(card), encoding="utf-8")
