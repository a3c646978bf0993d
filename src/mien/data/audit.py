"""What a data set holds, and what may be wrong with it, before anything is trained on it.  Axes: `N` faces."""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.faces import FaceSet
from mien.core.labels import FER2013, FERPLUS, FERPLUS_VOTES

FER2013_IN_FERPLUS = dict(zip(FER2013, ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"),
                              strict=True))
"""FER2013's expressions by FER+'s names; FER+ also has contempt."""


def describe(faces: FaceSet) -> dict[str, Any]:
    """Count what is in a data set and what a person should look at; every value fits JSON.

    Args:
        faces: N faces, at least one.

    Returns:
        `source`, `synthetic`, `fingerprint`, `faces`, `classes`, `unlabelled`, `blank` (all pixels equal), `splits`
        (faces, unlabelled and faces a class of each split), `copies` (see `count_copies`), `conflicts` (see
        `count_conflicts`), and `votes` (see `count_votes`; None without FER+ votes).

    >>> from mien.data.sniff import open_faces
    >>> describe(open_faces("synthetic:70"))["splits"]["test"]["faces"]
    14
    """
    flat = faces.images.reshape(len(faces), -1)
    return {
        "source": faces.source,
        "synthetic": faces.synthetic,
        "fingerprint": faces.fingerprint,
        "faces": len(faces),
        "classes": list(faces.classes),
        "unlabelled": int((~faces.labelled).sum()),
        "blank": int((flat.min(axis=1) == flat.max(axis=1)).sum()),
        "splits": {name: _count_classes(faces.split(name)) for name in split_names(faces)},
        "copies": count_copies(faces),
        "conflicts": count_conflicts(faces),
        "votes": count_votes(faces) if faces.vote_names == FERPLUS_VOTES else None,
    }


def split_names(faces: FaceSet) -> list[str]:
    """List the splits in the order of their first faces.

    """
    names, first = np.unique(faces.splits, return_index=True)
    return [str(name) for name in names[np.argsort(first)]]
