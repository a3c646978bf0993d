"""A bundle's card as a page for people, in Markdown."""

from collections.abc import Mapping
from typing import Any

from mien.core.text import markdown, taught_by
from mien.exporting.card import LIMITS, LIMITS_OF_GRAPHS

OWN_LIMITS = (*LIMITS, *(limit for limits in LIMITS_OF_GRAPHS.values() for limit in limits))
"""Sentences of mien's own, which may have Markdown in them."""


def card_page(card: Mapping[str, Any]) -> str:
    """Write `CARD.md` from what `make_card` gave."""
    scores, default = card["scores"], card["precision"]["default"]
    training = card["training"]
    data = training["data"]
    source = f"{markdown(str(data['source']))} ({sum(data['training'].values()):,} faces"
    lines = [
        f"# {markdown(card['name'])}" + (" (synthetic)" if card["synthetic"] else ""),
        "",
        f"Says which expression a grey 48×48 face shows: {', '.join(map(markdown, card['labels']))}.",
        "",
        f"Learned from {source}, fingerprint {data['fingerprint']}, "
        f"labels: {data['labels']}) with the recipe {markdown(training['recipe'])}{taught_by(training['config'])}. "
        f"{card['network']['parameters']:,} parameters, {card['network']['macs'] / 1e6:,.1f} M multiply-adds a face.",
        "",
        f"## Scores on {scores[default]['faces']:,} faces of split `{scores['split']}`",
        "",
        "| file | size | accuracy | 95 % interval | macro-F1 | ECE | log loss |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(_row(card, precision) for precision in card["files"]),
        "",
        f"Default: {default}. {card['precision']['reason'][:1].upper()}{card['precision']['reason'][1:]}.",
        "",
        "| expression | faces | recognised |",
        "|---|--:|--:|",
        *(
            f"| {markdown(each['name'])} | {each['faces']:,} | {_share(each['recall'])} |"
            for each in scores[default]["per_class"]
        ),
        "",
        "## Limits",
        "",
        *(f"* {limit if limit in OWN_LIMITS else markdown(limit)}" for limit in card["limits"]),
        "",
        f"Weights: {card['licence']['weights']}. {card['licence']['data']}",
    ]
    return "\n".join(lines) + "\n"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _row(card: Mapping[str, Any], precision: str) -> str:
    file, scores = card["files"][precision], card["scores"][precision]
    low, high = scores["accuracy_interval"]
    return (
        f"| `{file['file']}` | {file['bytes'] / 1e6:.2f} MB | {scores['accuracy']:.2%} | {low:.2%} to {high:.2%} | "
        f"{scores['macro_f1']:.3f} | {scores['ece']:.3f} | {scores['log_loss']:.3f} |"
    )
