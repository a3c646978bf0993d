"""Several modules joined into one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mien.workflows.javascript import join, script_of

MODULES = {
    "main.mjs": "import { twice } from './twice.mjs';\nimport { LIMIT, low } from './limit.mjs';\n"
    "// the entry\nexport const said = [twice(3), LIMIT, low(5), await twice(2)];\nconsole.log(said.join(' '));\n",
    "twice.mjs": "import { LIMIT } from './limit.mjs';\n/** Doubles. */\nexport function twice(x) {\n"
    "  return Math.min(2 * x, LIMIT);\n}\n",
    "limit.mjs": "const UNUSED = 0; // not exported\nexport const LIMIT = 100;\nexport const low = (x) => x < LIMIT;\n",
}


def written(folder: Path, **changed: str) -> Path:
    """Write the modules, some of them changed, and return the entry."""
    for name, text in MODULES.items():
        (folder / name).write_text(changed.get(name.removesuffix(".mjs"), text))
    return folder / "main.mjs"


def test_the_order_is_that_of_the_imports_and_each_comes_once(tmp_path: Path) -> None:
    joined = join(written(tmp_path))
    assert re.findall(r"^// .*/(\w+)\.mjs$", joined, re.MULTILINE) == ["limit", "twice", "main"]
    assert not re.search(r"^(import|export)\b", joined, re.MULTILINE)
    assert "function twice(x) {\n  return Math.min(2 * x, LIMIT);\n}\n" in joined


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node: apt install nodejs")
def test_it_does_what_the_modules_do(tmp_path: Path) -> None:
    entry = written(tmp_path)
    (tmp_path / "joined.mjs").write_text(join(entry))
    said = [
        subprocess.run(["node", path], capture_output=True, text=True, check=True).stdout
        for path in (entry, tmp_path / "joined.mjs")
    ]
    assert said == ["6 100 true 4\n"] * 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"main": "import * as twice from './twice.mjs';\n"}, "main.mjs, line 1: expected import { a, b } from"),
        ({"main": "import {\n  twice,\n} from './twice.mjs';\n"}, "main.mjs, line 1: expected import { a, b } from"),
        ({"main": "import { twice as two } from './twice.mjs';\n"}, "main.mjs, line 1: expected import { a, b } from"),
        ({"main": "import { x } from 'lodash';\n"}, "main.mjs, line 1: expected import { a, b } from"),
        ({"main": "\nimport { x } from './none.mjs';\n"}, "main.mjs, line 2: no file .*none.mjs"),
        ({"main": "import { thrice } from './twice.mjs';\n"}, "main.mjs, line 1: twice.mjs exports no 'thrice'"),
        ({"main": "import { UNUSED } from './limit.mjs';\n"}, "main.mjs, line 1: limit.mjs exports no 'UNUSED'"),
        ({"limit": "import { twice } from './twice.mjs';\nexport const LIMIT = 1;\n"}, "itself in a circle"),
        (
            {"twice": "export const LIMIT = 1;\nexport const twice = 2;\n"},
            "limit.mjs, line 2: 'LIMIT' is a name in twice.mjs, too",
        ),
        ({"twice": "export default function twice() {}\n"}, "twice.mjs, line 1: 'export' stands only before"),
        ({"twice": "const twice = 1;\nexport { twice };\n"}, "twice.mjs, line 2: 'export' stands only before"),
        ({"twice": "export const { twice } = {};\n"}, "twice.mjs, line 1: one name for each declaration"),
        ({"twice": "export const twice = await 1;\n"}, "twice.mjs, line 1: only the first module of the page may wait"),
        ({"main": "const x = () => import('./twice.mjs');\n"}, "main.mjs, line 1: a file can't be imported while"),
        ({"main": "/* two\nlines */ const x = import.meta.url;\n"}, "main.mjs, line 2: one file has no 'import.meta'"),
        ({"main": "const x = '</ScRiPt>';\n"}, "main.mjs, line 1: this would end the script element"),
    ],
)
def test_what_is_refused(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    entry = written(tmp_path, **changed)
    with pytest.raises(ValueError, match=message):
        join(entry)


def test_a_classic_script_waits_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"main\.mjs, line 4: only the first module of the page may wait"):
        join(written(tmp_path), classic=True)
    joined = join(written(tmp_path, main="import { twice } from './twice.mjs';\ntwice(1);\n"), classic=True)
    assert joined.startswith('"use strict";\n')


def test_types_in_comments_and_async_functions_are_fine(tmp_path: Path) -> None:
    twice = (
        "/** @param {import('./limit.mjs').X} x */\nexport const twice = async (x) => await x;\n"
        "export async function wait(x) {\n  await x;\n}\n"
    )
    assert "await x;" in join(written(tmp_path, twice=twice))


MINIFIED = (
    "/*! made by others */var a=3,b=n=>n+a;var c=import.meta.url;export{a as three,b as default,c as url};\n//# map"
)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node: apt install nodejs")
def test_a_module_becomes_a_script(tmp_path: Path) -> None:
    said = "console.log(made.three, made.default(2), made.url, typeof a);\n"
    (tmp_path / "script.cjs").write_text(
        f"globalThis.location = {{ href: 'here' }};\n{script_of(MINIFIED, 'made')}{said}"
    )
    done = subprocess.run(["node", tmp_path / "script.cjs"], capture_output=True, text=True, check=True)
    assert done.stdout == "3 5 here undefined\n"


@pytest.mark.parametrize(("module", "count"), [("var a = 1;", 0), ("export{a};export{b};", 2)])
def test_a_module_that_is_no_script(module: str, count: int) -> None:
    with pytest.raises(ValueError, match=rf"the module for ort: expected one list .*, found {count}"):
        script_of(module, "ort")
