"""`mien export`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.cli import console, export_flags, flags
from mien.cli.main import app
from mien.cli.places import refuse_clashes
from mien.core.errors import UsageError
from mien.core.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from mien.core.bundle import Bundle


@app.command()
def export(
    model: export_flags.Exported,
    *,
    html: export_flags.Html = None,
    hub: export_flags.Hub = None,
    only: export_flags.Only = None,
    max_risk: export_flags.MaxRisk = None,
    flip: export_flags.Flip = False,
    weights: export_flags.Weights = False,
    licence: export_flags.Licence = None,
    prior: flags.Prior = None,
    name: flags.Name = None,
    out: flags.Out = None,
    overwrite: flags.Overwrite = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Turn a trained run into a bundle that needs no PyTorch, or a model into one HTML file.

    A bundle has ONNX graphs in fp32 and int8, and a card.  The HTML file has the whole model in it, and needs nothing
    but a browser.

    Examples:
    * `mien export latest`
    * `mien export latest --only int8 --max-risk 0.2 -o bundle`
    * `mien export latest --flip`
    * `mien export mien-s --html page.html`
    * `mien export latest --hub folder/`
    """
    asked: dict[str, Any] = {"only": only, "max_risk": max_risk, "licence": licence, "name": name, "out": out}
    asked["prior"] = flags.prior_of(prior)
    asked |= {"flip": flip or None, "weights": weights or None}
    of_bundle = {key: value for key, value in asked.items() if value is not None}
    bundle, page = None, None
    if html is not None:
        _check_page(html, model=model, of_bundle=of_bundle, overwrite=overwrite)
    if hub is not None:
        if html is not None or of_bundle:
            raise UsageError("--hub writes a folder of a model as it is; give it alone, and export the run before")
        from mien.workflows.hub import export_hub

        folder = export_hub(model, hub, overwrite=overwrite)
        if json:
            console.print_json({"schema_version": SCHEMA_VERSION, "path": str(folder)})
        else:
            print(folder)
        return
    if html is None or of_bundle:
        from mien.workflows.export import export as export_run

        bundle = export_run(model, overwrite=overwrite, **of_bundle)
    if html is not None:
        from mien.workflows.page import export_page

        page = export_page(bundle or model, html, overwrite=overwrite)
    if json:
        console.print_json(_told(bundle, page))
    else:
        _print(bundle, page)


def _check_page(html: Path, *, model: str, of_bundle: Mapping[str, Any], overwrite: bool) -> None:
    """Raise `UsageError`, before anything is made, for flags that don't go with a page."""
    from mien.core.bundle import find
    from mien.workflows.page import check_page_path

    check_page_path(html, overwrite=overwrite)
    refuse_clashes([model], {"--out": of_bundle.get("out"), "--html": html})
    if of_bundle and find(model) is not None:
        names = ", ".join(f"--{key.replace('_', '-')}" for key in of_bundle)
        raise UsageError(f"{model} is a bundle already, and {names} would make one of a run; give --html alone")


def _told(bundle: "Bundle | None", page: Path | None) -> dict[str, object]:
    told: dict[str, object] = {"schema_version": SCHEMA_VERSION}
    if bundle is not None:
        told |= {"path": str(bundle.path), "card": bundle.card.to_dict()}
    if page is not None:
        told["page"] = {"path": str(page), "bytes": page.stat().st_size}
    return told


def _print(bundle: "Bundle | None", page: Path | None) -> None:
    if bundle is not None:
        from mien.core.summaries import summarise

        console.print_summary([*summarise(bundle.card), str(bundle.path)])
    if page is not None:
        print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
