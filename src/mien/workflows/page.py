"""`export_page`: networks, detector, runtime and the page that uses them in one HTML file; without PyTorch.

`src/mien/web` has the parts: `page.html` with its style and scripts, `worker/` with what computes, and ONNX Runtime.
All that is not text for the page stands in it compressed, as base64, and the page unpacks it.  Its content security
policy has no address in it: the browser refuses whatever would leave the page.
"""

import base64
import gzip
import hashlib
import html
import json
import logging
import re
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from mien.core.bundle import Bundle, weights
from mien.core.errors import UsageError
from mien.core.files import write_atomic
from mien.core.runs import RunDir
from mien.runtime import detect
from mien.workflows.javascript import join, script_of
from mien.workflows.run_bundle import find_model

log = logging.getLogger(__name__)

WEB = Path(__file__).parents[1] / "web"
RUNTIME = WEB / "vendor/onnxruntime"

_MARKER = re.compile(r"<!-- (style|files|script) -->")

_POLICY = (
    "default-src 'none'; script-src '{script}' blob: 'wasm-unsafe-eval'; style-src '{style}'; img-src blob: data:; "
    "media-src blob:; worker-src blob:; base-uri 'none'; form-action 'none'"
)
"""What the page may load: the script and the style whose hashes are given, and what it made itself."""

_NOTICE = """<!-- Made by mien {version} (Apache License 2.0). It holds ONNX Runtime Web (MIT License, Copyright (c)
Microsoft Corporation) and YuNet (MIT License, Copyright (c) 2020 Shiqi Yu); the element "licences" has all texts. -->
"""


def export_page(model: RunDir | Bundle | str | Path | None, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write one HTML file that finds and classifies faces in whichever browser opens it, without a network.

    Network, face detector, ONNX Runtime and page are all in it, about 8 MB for `mien-s`.  It needs no server, and
    sends nothing anywhere.

    Args:
        model: what `mien.load` takes; of a bundle's graphs the page has the one that its card names as default.
        path: the new file; its name ends in `.html`.
        overwrite: replace the file that is there.

    Returns:
        The path of the page.

    Raises:
        DataError: no such model, or a file of it is missing or damaged.
        MissingExtraError: a run that is not exported yet, and PyTorch is not installed.
        StorageError: the page can't be written; what was there is kept.
        UsageError: the name ends otherwise, or the file is there and `overwrite` is False.

    >>> export_page("mien-n", "faces.html")  # doctest: +SKIP
    PosixPath('/home/me/faces.html')
    """
    path = check_page_path(path, overwrite=overwrite)
    write_atomic(path, html_page([find_model(model)]))
    return path


def check_page_path(path: str | Path, *, overwrite: bool) -> Path:
    """Return where a page is written, absolute; raises `UsageError` where it may not be."""
    path = Path(path).absolute()
    if path.suffix.lower() not in (".html", ".htm"):  # nothing that mien reads is called so
        raise UsageError(f"{path}: browsers open what ends in .html; add that to the name")
    if path.is_dir():
        raise UsageError(f"{path}: a folder; expected the name of the new file")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: exists; choose another name or add --overwrite")
    return path


def html_page(bundles: Sequence[Bundle]) -> str:
    """Make the page; the same bundles give the same text.

    Args:
        bundles: in the order in which the page offers them, the first is used at once.  Of several with the same name
            in their cards the first is taken.

    Raises:
        DataError: a file of a bundle or the detector is missing or damaged.
    """
    parts = _MARKER.split((WEB / "page.html").read_text(encoding="utf-8"))
    if parts[1::2] != ["style", "files", "script"]:
        raise ValueError(f"{WEB / 'page.html'}: expected <!-- style -->, <!-- files --> and <!-- script -->, once each")
    style = (WEB / "page.css").read_text(encoding="utf-8")
    if "</" in style:
        raise ValueError(f"{WEB / 'page.css'}: '</' would end the style element")
    script = join(WEB / "page/page.mjs")
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    head, middle, before_script, end = parts[0::2]
    return "".join(
        (
            head,
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>',
            middle,
            _NOTICE.format(version=metadata.version("mien")),
            *_elements(bundles),
            before_script,
            f'<script type="module">{script}</script>',
            end,
        )
    )


def _elements(bundles: Sequence[Bundle]) -> Iterator[str]:
    """Give the elements that hold files, as the page's script looks for them."""
    yield _element("wasm", (RUNTIME / "ort-wasm-simd-threaded.wasm.gz").read_bytes())
    yield _element("yunet", _packed(detect.read_model(detect.model_path())))
    yield _element("worker", _packed(_worker().encode()))
    yield _element("licences", _packed(_licences().encode()))
    seen = set()
    for bundle in bundles:
        name = bundle.card.name
        if name in seen:
            continue
        seen.add(name)
        card = json.dumps(bundle.card.to_dict(), ensure_ascii=False, allow_nan=False)
        yield _element("card", _packed(card.encode()), network=name)
        yield _element("graph", _packed(bundle.read_model()), network=name)


def _worker() -> str:
    """Return the worker's script with ONNX Runtime in it: WebKit lets a page from a disk import no module."""
    runtime = gzip.decompress((RUNTIME / "ort.wasm.bundle.min.mjs.gz").read_bytes()).decode()
    return join(WEB / "worker/worker.mjs", classic=True) + script_of(runtime, "ort")


def _element(name: str, packed: bytes, *, network: str | None = None) -> str:
    of = "" if network is None else f' data-network="{html.escape(network)}"'
    text = base64.b64encode(packed).decode()
    return f'<script type="application/gzip;base64" data-name="{name}"{of}>{text}</script>\n'


def _packed(content: bytes) -> bytes:
    """Compress without a time in it."""
    return gzip.compress(content, 9, mtime=0)


def _hash(text: str) -> str:
    """Name a script or style as a content security policy does."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _licences() -> str:
    """Return the licences of all that the page consists of; a network's own is in its card."""
    own = metadata.distribution("mien")
    texts = {
        f"mien {own.version}": own.read_text("licenses/LICENSE") or str(own.metadata["License-Expression"]),
        "ONNX Runtime Web": (RUNTIME / "LICENSE").read_text(encoding="utf-8"),
        "YuNet": (weights() / "yunet/LICENSE").read_text(encoding="utf-8"),
        "Of what ONNX Runtime consists of": (RUNTIME / "ThirdPartyNotices.txt").read_text(encoding="utf-8"),
    }
    parts = []
    for title, text in texts.items():
        parts.append(f"{title}\n{'=' * len(title)}\n\n{text.strip()}\n")
    return "\n\n".join(parts)
