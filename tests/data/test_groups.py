"""`read_groups`: which faces belong together."""

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.data.groups import read_groups

IDS = np.array(["7", "2", "5"])


TABLES = (
    "id,subject\n2,ann\n5,bob\n7,ann\n9,cy\n",
    "video;id\nann;2\nbob;5\nann;7\n",
    "ID,Who\n2,ann\n5,bob\n7,ann\n",
)


@pytest.mark.parametrize("text", TABLES)
def test_faces_with_the_same_value_are_one_group(tmp_path, text):
    path = tmp_path / "subjects.csv"
    path.write_text(text)
    assert read_groups(path, IDS).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject\nann\n", "line 1: no column 'id'"),
        ("id,subject,video\n2,ann,x\n", "found id,subject,video, expected two columns"),
        ("id,subject\n2,ann\n5,bob\n2,bob\n", "line 4: id '2' occurs for the second time"),
        ("id,subject\n2,ann\n5,\n7,ann\n", "line 3: id '5' has no group"),
        ("id,subject\n2,ann\n", "no group for 2 of 3 faces, such as id '7'; add a line for each"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, message):
    path = tmp_path / "subjects.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_groups(path, IDS)
