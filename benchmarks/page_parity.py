"""The page in Chromium against `mien predict`: the same pictures, given as a user gives them, and the records it saves.

    python benchmarks/page_parity.py fer2013.csv

48 files of two photographs (JPEG, PNG, each of EXIF's orientations, upside down, lying, grey, with alpha, without a
face) and 500 test faces of FER2013, enlarged to 192 pixels so that the detector has something to find.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import mien

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.web.browser import browser, opened
from tests.web.parity import Difference, compare, enlarged_faces, look_at, photos, portraits


def main() -> None:
    """Print a line for each network and kind of picture; exit with 1 if a label differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--faces", type=int, default=500)
    parser.add_argument("--networks", nargs="+", default=["mien-s-ferplus", "mien-s", "mien-n"])
    args = parser.parse_args()
    files = {"photographs": photos(portraits())}
    if args.faces:
        files["faces"] = enlarged_faces(mien.open_faces(args.data).split("test"), count=args.faces)
    others = 0
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        print(f"Chromium {chromium.version}, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        for network in args.networks:
            for kind, contents in files.items():
                found = measure(chromium, contents, network=network, folder=Path(folder))
                print(f"{network}, {kind}: {found}", flush=True)
                others += found.labels + len(found.other)
    raise SystemExit(bool(others))


def measure(chromium: object, contents: dict[str, bytes], *, network: str, folder: Path) -> Difference:
    """Give the files to the page and to Python; prints how long both took."""
    paths = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    page = mien.export_page(network, folder / "page.html", overwrite=True)
    model = mien.load(network, threads=1)
    begun = time.perf_counter()
    expected = model.predict(paths).records()
    python_s = time.perf_counter() - begun
    with opened(chromium, page.as_uri()) as shown:
        begun = time.perf_counter()
        records = look_at(shown, paths, timeout_s=3600)
        page_s = time.perf_counter() - begun
        if shown.elsewhere or shown.complaints:
            raise SystemExit(f"the page asked for {shown.elsewhere} and complained of {shown.complaints}")
    print(f"  {1000 * python_s / len(paths):.0f} ms a picture in Python, {1000 * page_s / len(paths):.0f} in the page")
    return compare(records, expected)


if __name__ == "__main__":
    main()
