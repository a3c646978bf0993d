"""The notebook runs from top to bottom, and its outputs hold what its text says."""

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

PATH = Path(__file__).parents[1] / "examples/quickstart.ipynb"
Outputs = dict[str, list[dict[str, Any]]]


def read() -> Any:
    return nbformat.read(PATH, as_version=4)


def test_it_is_kept_without_outputs() -> None:
    for cell in read().cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_its_links_lead_to_files() -> None:
    text = " ".join(cell.source for cell in read().cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) >= 6
    for link in links:
        assert (PATH.parent / link).is_file()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What each code cell shows, by the cell's id."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / name.lower()))
        notebook = read()
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def html_of(outputs: Outputs, name: str) -> str:
    (html,) = [output["data"]["text/html"] for output in outputs[name] if "text/html" in output.get("data", {})]
    assert isinstance(html, str)
    return html


def printed(outputs: Outputs, name: str) -> str:
    return "".join(output["text"] for output in outputs[name] if output["output_type"] == "stream")


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # those of Jupyter's own packages
def test_outputs_hold_what_the_text_says(outputs: Outputs) -> None:
    assert not [output for shown in outputs.values() for output in shown if output.get("name") == "stderr"]
    assert "70.8 %" in html_of(outputs, "load")
    probabilities = dict(re.findall(r">(?:<b>)?(\w+)(?:</b>)?</td>.*?>(0\.\d{3})<", html_of(outputs, "find")))
    neutral, sad, angry = (float(probabilities[name]) for name in ("neutral", "sad", "angry"))
    assert 0.52 < neutral < 0.63  # "neutral gets little more than half"
    assert sad + angry > 0.75 * (1 - neutral)  # "sad and angry most of the rest"
    label, probability, *_ = printed(outputs, "face").split()
    assert label == "neutral"
    assert float(probability) == pytest.approx(neutral, abs=0.006)  # two digits instead of three
    assert "image/png" in outputs["occlusion"][0]["data"]
    assert "(synthetic: drawn, not photographed)" in html_of(outputs, "faces")
    assert printed(outputs, "run").count("epoch ") == 8
    assert html_of(outputs, "run").count("<polyline") == 2
    accuracy = float(printed(outputs, "figures").split()[0])
    assert 0.87 < accuracy < 0.95  # "about nine in ten are right"
    assert f"{100 * accuracy:.2f} %" in html_of(outputs, "scores")
    assert "better than both controls, and different with random weights: saliency, occlusion" in html_of(
        outputs, "explanation"
    )
    assert "image/png" in outputs["maps"][0]["data"]
    assert "model.int8.onnx" in html_of(outputs, "bundle")
    assert html_of(outputs, "use").count("<img") == 7
