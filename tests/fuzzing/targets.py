"""All that is fuzzed, by name."""

from . import bombs, commands, graphs, links, packed, parquet, pictures, recipes, runs, tables, weights
from .originals import Originals
from .target import Target


def all_targets(originals: Originals) -> dict[str, Target]:
    """Name to target."""
    return {
        **tables.targets(originals.faces),
        **packed.targets(originals.faces),
        **parquet.targets(originals),
        **pictures.targets(originals),
        **graphs.targets(originals),
        **recipes.targets(),
        **runs.targets(originals),
        **weights.targets(originals),
        **bombs.targets(),
        **commands.targets(originals),
        **links.targets(),
    }
