"""The real worker in Chromium: joined and held by the same policy as mien's page, which decodes files and passes on."""

import base64
import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mien.core.bundle import Bundle
from mien.workflows import page

from . import stand_in
from .browser import PATIENCE_MS, Opened, opened

SCRIPT = """import { decodePicture } from './decode.mjs';
import { bytesOf } from './files.mjs';
const elements = Array.from(document.querySelectorAll('[data-name]'));
const buffer = async (name) => (await bytesOf(elements.find((each) => each.dataset.name === name))).buffer;
const worker = new Worker(URL.createObjectURL(new Blob([await buffer('worker')], { type: 'text/javascript' })));
const waiting = new Map();
worker.onerror = (event) => console.error('worker', event.message);
worker.onmessage = ({ data }) => waiting.get(data.id)(data);
const ask = (request, transfer = []) => new Promise((resolve) => {
  const id = waiting.size;
  waiting.set(id, resolve);
  worker.postMessage({ id, ...request }, transfer);
});
const networks = {};
for (const { dataset } of elements.filter((each) => each.dataset.name === 'card')) {
  const of = (name) => elements.find((each) => each.dataset.name === name && each.dataset.network === dataset.network);
  const card = JSON.parse(new TextDecoder().decode(await bytesOf(of('card'))));
  networks[dataset.network] = { card, graph: (await bytesOf(of('graph'))).buffer };
}
const files = { wasm: await buffer('wasm'), yunet: await buffer('yunet') };
const fileOf = (text, name) => new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name);
window.driven = {
  start: () => ask({ kind: 'start', files, networks }),
  ask: async ({ file, ...request }) => {
    if (request.kind === 'frame') {
      const frame = await createImageBitmap(fileOf(file, 'frame'));
      return ask({ ...request, frame }, [frame]);
    }
    if (request.kind === 'picture') {
      try {
        const bitmap = await decodePicture(fileOf(file, request.name));
        return await ask({ ...request, bitmap }, [bitmap]);
      } catch (error) {
        return { error: error.message };
      }
    }
    return ask(request);
  },
};
document.querySelector('output').textContent = 'ready';
"""


class Driven:
    """A worker that runs in Chromium.

    Attributes:
        opened: its page, with what that asked for and complained of.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def start(self) -> Any:
        """Ask the worker to start, with the page's files and networks."""
        return self.opened.page.evaluate("() => driven.start()")

    def ask(self, kind: str, *, file: bytes | None = None, **request: Any) -> Any:
        """Return the worker's reply; `file` is the picture, or the frame."""
        if file is not None:
            request["file"] = base64.b64encode(file).decode()
        return self.opened.page.evaluate("(request) => driven.ask(request)", {"kind": kind, **request})


@contextlib.contextmanager
def driven(browser: Any, folder: Path, bundles: Sequence[Bundle]) -> Iterator[Driven]:
    """Write the page into a folder and open it."""
    web = stand_in.write(folder / "web")
    (web / "page/page.mjs").write_text(SCRIPT)
    for name in ("decode.mjs", "headers.mjs"):
        shutil.copyfile(page.WEB / "page" / name, web / "page" / name)
    (web / "worker/worker.mjs").unlink()
    (web / "worker").rmdir()
    (web / "worker").symlink_to(page.WEB / "worker")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "WEB", web)
        (folder / "page.html").write_text(page.html_page(bundles), encoding="utf-8")
    with opened(browser, (folder / "page.html").as_uri()) as shown:
        shown.page.get_by_text("ready").wait_for(timeout=PATIENCE_MS)
        yield Driven(shown)
