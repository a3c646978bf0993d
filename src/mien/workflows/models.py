"""`list_models`: the networks, and the bundles that ship with their accuracy."""

from importlib.util import find_spec

from mien.core.bundle import Bundle, shipped, weights
from mien.core.model_list import ModelList, NetworkInfo, ShippedBundle


def list_models() -> ModelList:
    """List the networks that can be trained, and the bundles that ship with mien.

    >>> [bundle.model.name for bundle in list_models().bundles]
    ['mien-n', 'mien-s', 'mien-s-ferplus']
    """
    networks: list[NetworkInfo] = []
    if find_spec("torch") is not None:
        from mien.models.registry import MODELS, info

        networks = [info(name) for name in MODELS]
    bundles = [_shipped(Bundle.open(weights() / name)) for name in shipped()]
    return ModelList(networks=tuple(networks), bundles=tuple(bundles))


def _shipped(bundle: Bundle) -> ShippedBundle:
    precision = bundle.card.precision.default
    scores = bundle.card.scores.of(precision)
    return ShippedBundle(
        model=bundle.model_id(precision),
        classes=bundle.classes,
        precision=precision,
        bytes=bundle.card.files[precision].bytes,
        accuracy=scores.accuracy,
        accuracy_interval=scores.accuracy_interval,
        faces=scores.faces,
        source=scores.source,
        split=bundle.card.scores.split,
    )
