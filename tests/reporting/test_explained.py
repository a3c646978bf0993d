"""What the page says of ablation, attribution and filters, and what it does with damaged files of theirs."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mien.core.arrays import read_arrays, write_arrays
from mien.core.errors import DataError
from mien.core.explanations import Explanation, MethodComparison
from mien.core.files import read_json, write_json
from mien.core.labels import FER2013
from mien.core.runs import RunDir
from mien.core.summaries import summarise
from mien.reporting.attribution import attribution, most_faithful
from mien.reporting.build import report
from mien.reporting.filter_pictures import MOST_FILTERS, MOST_MAPS, filters
from mien.reporting.pictures import grey_png, heat_png
from mien.reporting.run_files import read_run

from .explained import METHODS, ablation_of, attribution_json, write_explained
from .pages import Page


def built(run):
    return Page(report(run).read_text(encoding="utf-8"))


def decoded(png):
    return Image.open(io.BytesIO(base64.b64decode(png)))


def test_a_grey_picture_is_itself():
    image = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    assert (np.asarray(decoded(grey_png(image))) == image).all()


def test_a_map_is_dark_where_nothing_is_and_bright_where_most_is():
    values = np.full((48, 48), -1.0)
    values[10:20, 10:20] = np.linspace(0.1, 1, 100).reshape(10, 10)
    light = np.asarray(decoded(heat_png(values)).convert("L")).astype(int)
    assert light[0, 0] == light.min() < 5
    assert light[19, 19] == light.max() > 200
    row = light[10:20, 10:20].ravel()
    assert (np.diff(row) >= -2).all()
    assert np.asarray(decoded(heat_png(np.zeros((48, 48)))).convert("L")).max() < 5


def test_the_verdicts_are_those_of_the_numbers(page):
    found = {(each.factor, bool(each.within)): each for each in ablation_of().effects}
    low, high = (100 * end for end in found["augmentation", False].interval)
    assert (
        f"Augmentation “report” instead of “none”: +4.0 points (95 % interval {low:+.1f} to {high:+.1f}, 3 seeds)"
        in page.text
    )
    assert "more than the luck of the seeds" in page.text
    assert "Normalisation “per-pixel” instead of “none”: +0.1 points" in page.text
    assert "the interval holds 0" in page.text
    assert "mien-n is trained in every combination, with seeds 0, 1 and 2, for at most 20 epochs each" in page.text
    assert "12 of 12 runs are done, scored on 3,589 faces of “test”." in page.text
    assert "from 60.3 % with none, none to 64.4 % with per-pixel, report" in page.text


@pytest.mark.parametrize(("interval", "p", "claimed"), [((0.01, 0.07), 0.04, True), ((0.01, 0.07), 0.06, False)])
def test_one_of_several_differences_is_claimed_only_after_the_correction(run, interval, p, claimed):
    found = ablation_of()
    effects = tuple(replace(each, interval=interval, holm_p=p) for each in found.effects)
    replace(found, effects=effects).write(run.path / "ablation/ablation.json")
    text = built(run).text
    assert ("; more than the luck of the seeds, on these faces." in text) is claimed
    assert ("(p 0.06 after Holm’s correction)" in text) is not claimed


def test_a_failed_run_is_named(run):
    ablation_of(failed=1).write(run.path / "ablation/ablation.json")
    assert "Failed and left out: none, none, seed 0 (RuntimeError: out of memory)" in built(run).text


@pytest.mark.parametrize(("seeds", "words"), [(1, "with a single seed"), (3, "with each of 3 seeds alike")])
def test_an_effect_without_an_interval_says_why(run, seeds, words):
    found = ablation_of()
    effects = tuple(replace(each, interval=None, seeds=seeds) for each in found.effects)
    replace(found, effects=effects).write(run.path / "ablation/ablation.json")
    assert f"{words}, which does not tell whether it is luck" in built(run).text


def test_an_ablation_has_a_page_of_its_own(run, tmp_path):
    config = run.read_json("config.json") | {"ablation": {"factors": {}, "seeds": [0]}}
    alone = RunDir(tmp_path / "ablation-1")
    write_json(alone.path / "config.json", config)
    write_json(alone.path / "data.json", run.read_json("data.json"))
    ablation_of().write(alone.path / "ablation.json")
    page = built(alone)
    assert [attrs["id"] for attrs in page.all("section")] == ["data", "model", "ablation", "appendix"]
    assert page.text.count("Augmentation “report” instead of “none”: +4.0 points") == 1
    assert "not been scored" not in page.text


LOOKS = "The network looks at the features of the face"
"""How the sentence begins that is made from what a network makes of faces without features."""

MAPPED = "falls on brows, eyes, nose and mouth, surely more than"
"""What is said of the maps where they tell more than maps which know nothing."""

NO_MAP = "No map tells where it looks: no method both orders"

TRUSTED = "Better than both controls, chance and “the centre first”, and different with random weights: "


def rewritten(run, change):
    """The page after a change of what was found."""
    values = attribution_json(FER2013)
    change(values)
    write_json(run.path / "explain/attribution.json", values)
    return built(run).text


@pytest.mark.parametrize(
    ("beats", "best", "sentence"),
    [
        ((False, True), "occlusion", f"{TRUSTED}occlusion. Its score is 0.40 against 0.10"),
        ((True, False), "saliency", f"{TRUSTED}saliency."),
        ((True, True), "occlusion", f"{TRUSTED}saliency and occlusion. Of these, occlusion has the highest score,"),
        ((False, False), "occlusion", NO_MAP),
    ],
)
def test_the_page_says_which_maps_to_trust(run, beats, best, sentence):
    values = attribution_json(FER2013, beats=beats)
    write_json(run.path / "explain/attribution.json", values)
    assert most_faithful(MethodComparison.from_dict(values["comparison"], source="x")) == best
    text = built(run).text
    assert sentence in text
    losers = [name for name, wins in zip(METHODS, beats, strict=True) if not wins]
    claimed = f"Not surely better than both controls, so don't trust these maps here: {', '.join(losers)}." in text
    assert claimed == (len(losers) == 1)


def test_where_the_network_looks_is_written_from_the_tables(page):
    assert (
        f"{LOOKS}: with brows, eyes, nose and mouth blanked (33 % of the picture), it gives the right expression a "
        "probability of 28 % instead of 58 %, surely less than with as much blanked in the middle of the picture "
        "(33 %), where its edges are strongest (36 %) and in the same shape upside down (38 %)."
    ) in page.text
    assert (
        f"Of what occlusion attributes, 65 % {MAPPED} 35 % with random weights, 40 % of the edges in the face and 45 % "
        "of a blob in the middle that is as spread out."
    ) in page.text
    assert "most goes to the mouth (2.7 times), the eyes (1.9 times)" in page.text
    assert "15 % falls outside the face" in page.text
    assert page.text.count(LOOKS) == 2  # summary and section
    assert "occlusion trusted 0." in page.text
    assert "centred Gaussian 45 % +20.0 points +18.0 to +22.0" in page.text
    assert "as much in the middle of the picture 33.0 % +5.0 points +4.0 to +6.0" in page.text


def at_chance(values):
    values["against_guessing"] |= {"accuracy": 0.26, "interval": [0.249, 0.27]}


def not_needed_more_than(place):
    def change(values):
        values["features"]["elsewhere"][place]["lead"]["interval"] = [0.019, 0.08]

    return change


def one_face(values):
    for other in values["features"]["elsewhere"].values():
        other["lead"]["interval"] = None


def older(values):
    del values["features"]


def oldest(values):
    del values["comparison"]["nulls"], values["against_guessing"], values["features"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (at_chance, "can't be told, for it may know nothing of expressions: it is right for 26.0 % of the faces"),
        (
            not_needed_more_than("in the middle of the picture"),
            "instead of 58 %, but also 33 % with as much blanked in the middle of the picture (difference +1.9 to +8.0 "
            "points). The interval of the difference would have to lie above 2 points.",
        ),
        (not_needed_more_than("where its edges are strongest"), "36 % with as much blanked where its edges"),
        (not_needed_more_than("in the same shape upside down"), "38 % with as much blanked in the same shape upside"),
        (one_face, "in the middle of the picture (difference unknown), 36 %"),
        (older, "An older mien explained this run"),
        (oldest, "An older mien explained this run"),
    ],
)
def test_no_claim_where_the_features_are_not_shown_to_be_needed(run, change, words):
    text = rewritten(run, change)
    assert text.count(words) == 2  # summary and section
    assert LOOKS not in text


def no_lead(name):
    def change(values):
        values["comparison"]["nulls"][name]["lead"]["interval"] = [0.019, 0.3]

    return change


def nothing_better(values):
    for method in values["comparison"]["methods"].values():
        method["beats_controls"] = False


def unchanged_by_random_weights(values):
    for method in values["comparison"]["methods"].values():
        method["randomisation_intervals"] = {"all layers": [0.1, 0.31]}


def without_nulls(values):
    del values["comparison"]["nulls"]


def empty(values):
    for method in values["comparison"]["methods"].values():
        method["regions"] = dict.fromkeys(method["regions"])
    values["comparison"]["nulls"] = {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (at_chance, "can't be told, for it may know nothing of expressions"),
        (no_lead("random weights"), "not surely more than 35 % with random weights (difference +1.9 to +30.0 points)"),
        (no_lead("edges of the face"), "not surely more than 40 % of the edges in the face (difference"),
        (no_lead("centred Gaussian"), "not surely more than 45 % of a blob in the middle that is as spread out"),
        (nothing_better, NO_MAP),
        (unchanged_by_random_weights, NO_MAP),
        (without_nulls, f"{TRUSTED}occlusion"),
        (oldest, f"{TRUSTED}occlusion"),
        (empty, "The maps of occlusion are empty"),
    ],
)
def test_nothing_is_read_from_maps_where_the_evidence_is_missing(run, change, words):
    text = rewritten(run, change)
    assert words in text
    assert MAPPED not in text
    assert "Relative to their area, most goes to" not in text


@pytest.mark.parametrize("change", [no_lead("centred Gaussian"), nothing_better, empty])
def test_what_the_features_are_needed_for_does_not_depend_on_maps(run, change):
    assert rewritten(run, change).count(LOOKS) == 2


@pytest.mark.parametrize("change", [at_chance, nothing_better, unchanged_by_random_weights])
def test_no_map_is_trusted_where_none_may_be(run, change):
    text = rewritten(run, change)
    assert TRUSTED not in text
    assert "has the highest score" not in text
    assert "occlusion trusted" not in text  # in the table


def test_a_network_at_chance_gets_no_other_sentence(run):
    def change(values):
        at_chance(values)
        unchanged_by_random_weights(values)

    text = rewritten(run, change)
    assert "don't trust these maps" not in text
    assert "Much alike" not in text


def test_maps_that_stay_with_random_weights_are_said_to_and_do_not_lead(run):
    def change(values):
        occlusion = values["comparison"]["methods"]["occlusion"]
        occlusion["randomisation"]["all layers"] = 0.4
        values["comparison"]["methods"]["saliency"]["beats_controls"] = True

    text = rewritten(run, change)
    assert "Much alike even when all weights are random, so partly maps of the face itself: occlusion." in text
    assert f"{TRUSTED}saliency." in text


def test_maps_that_change_with_random_weights_are_not_said_to_stay(page):
    assert "Much alike" not in page.text


def test_every_class_is_shown_however_many_faces_there_are(run):
    write_explained(run.path / "explain", classes=FER2013, faces=280)
    shown = attribution(read_run(run))
    assert [each["name"] for each in shown["classes"]] == list(FER2013)
    assert shown["left_out"] == 280 - sum(len(faces) for each in shown["classes"] for _, faces in each["kinds"]) > 100


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": ()}, "0 of 12 runs are done."),
        ({"factors": {"model": ["a", "b"]}}, "what model is worth, the network is trained"),
        ({"factors": {"epochs": ["1", "2"]}}, "with seeds 0, 1 and 2. 12 of 6 runs"),
        ({"synthetic": True}, "Drawn faces: the figures say nothing of real ones."),
    ],
)
def test_the_plan_is_told_from_what_was_done(run, change, words):
    replace(ablation_of(), **change).write(run.path / "ablation/ablation.json")
    assert words in built(run).text


def test_scores_of_held_out_faces_are_called_so(run):
    found = ablation_of()
    runs = tuple(replace(each, split="validation") for each in found.runs)
    replace(found, runs=runs).write(run.path / "ablation/ablation.json")
    assert "the faces that each run held out, which may be others for each seed" in built(run).text


def test_every_number_of_the_table_is_there(page):
    for each in attribution_json(FER2013)["comparison"]["methods"].values():
        for key in ("deletion", "insertion", "score"):
            assert f"{each[key]:.3f}" in page.text
    assert "Inside the truth" not in page.text
    assert "Convergence delta" in page.text


def test_what_no_method_has_is_not_explained(run, page):
    def change(values):
        values["comparison"]["methods"]["saliency"]["convergence_delta"] = None

    assert "Convergence delta" not in rewritten(run, change)
    assert "Grad-CAM looks at layer" not in page.text


def test_drawn_faces_have_a_truth(run):
    write_explained(run.path / "explain", classes=FER2013, synthetic=True)
    text = built(run).text
    assert "Inside the truth" in text
    assert "30 % +15.0 to +21.0" in text
    assert "12 % of the picture" in text


def test_the_pictures_shown_are_the_files(run):
    arrays = read_arrays(run.path / "explain/attribution.npz", holds="explanations")
    shown = [face for each in attribution(read_run(run))["classes"] for _, faces in each["kinds"] for face in faces]
    assert len(shown) == len(arrays["images"])
    for face in shown:
        row = int(face["id"].removeprefix("row "))
        assert face["right"] == (arrays["labels"][row] == arrays["targets"][row])
        assert face["target"] == FER2013[arrays["targets"][row]]
        assert (np.asarray(decoded(face["png"])) == arrays["images"][row]).all()
        for method in METHODS:
            assert (np.asarray(decoded(face["methods"][method]["masked"])) == arrays[f"{method}/masked"][row]).all()


def test_a_class_that_no_face_was_given_has_no_average(page, written):
    assert "no face" in page.text
    maps = attribution(read_run(written))["class_maps"]
    assert [each["png"] is None for each in maps] == [False] * 6 + [True]


def test_filters_and_maps_beyond_the_first_are_left_to_the_file(run):
    write_explained(run.path / "explain", classes=FER2013, filters=MOST_FILTERS + 3)
    shown = filters(read_run(run))
    assert (len(shown["filters"]["pictures"]), shown["filters"]["left_out"]) == (MOST_FILTERS, 3)
    assert len(shown["maps"]["shown"]) == MOST_MAPS
    text = built(run).text
    assert "3 more filters are not shown" in text
    assert "67 of the 400 filters of conv2" in text


def test_what_the_made_pictures_beat_is_counted(run):
    write_explained(run.path / "explain", classes=FER2013, stripes=3.0)
    text = built(run).text
    assert "more than every face for 5 of 6 filters, and more than every simple picture for 4 of 6 filters" in text
    assert "that is the large one, in a frame, and the made picture is the first below." in text
    assert "excites the filter most, and may miss it" in text
    shown = filters(read_run(run))["filters"]["pictures"]
    arrays = read_arrays(run.path / "explain/filters.npz", holds="explanations")
    for row, picture in enumerate(shown):
        wins = arrays["activations"][row] > 3  # as much as the stripes is not more
        large, small = ("pictures", "simple_images") if wins else ("simple_images", "pictures")
        assert picture["framed"] is not wins
        assert (np.asarray(decoded(picture["png"])) == arrays[large][row]).all()
        assert (np.asarray(decoded(picture["small"][0][1])) == arrays[small][row]).all()
        figures = {"made picture": f"+{2 * (row + 2)}.00", "stripes 4 px, 45°": "+6.00", "best face": "+4.00"}
        assert dict(picture["figures"]) == figures


def test_made_pictures_that_beat_every_stripe_are_said_to_and_only_they(run, page):
    assert "and more than every simple picture for every filter" in page.text
    assert "in a frame" not in page.text
    write_explained(run.path / "explain", classes=FER2013, stripes=2.0)
    assert "for every filter" not in built(run).text
    write_explained(run.path / "explain", classes=FER2013, stripes=99.0)
    assert "more than every simple picture for 0 of 6 filters" in built(run).text


def test_older_explanations_knew_no_simple_pictures_and_claim_nothing_of_them(run):
    path = run.path / "explain/filters.json"
    values = {key: value for key, value in read_json(path).items() if "simple" not in key}
    write_json(path, values)
    arrays = read_arrays(run.path / "explain/filters.npz", holds="explanations")
    old = {key: array for key, array in arrays.items() if "simple" not in key and key not in ("real_means", "real_sds")}
    write_arrays(run.path / "explain/filters.npz", old)
    text = built(run).text
    assert "was not looked at: explain the run again" in text
    assert "excites its filter more than" not in text
    assert dict(filters(read_run(run))["filters"]["pictures"][0]["figures"]) == {
        "made picture": "2.00",
        "best face": "2.00",
    }


def test_a_filter_that_answers_all_faces_alike_has_no_figures(run):
    path = run.path / "explain/filters.npz"
    arrays = read_arrays(path, holds="explanations")
    arrays["real_sds"][0] = 0
    write_arrays(path, arrays)
    figures = dict(filters(read_run(run))["filters"]["pictures"][0]["figures"])
    assert set(figures.values()) == {"–"}


@pytest.mark.parametrize("name", ["attribution", "filters", "feature_maps"])
def test_arrays_that_are_missing_or_do_not_fit_are_refused(run, name):
    path = run.path / f"explain/{name}.npz"
    arrays = read_arrays(path, holds="explanations")
    page = report(run).read_bytes()
    for key in arrays.keys() - {"rows"}:
        changes = {"missing": None, "cut": arrays[key][:-1], "bool": arrays[key].astype(bool)}
        for changed in changes.values():
            others = {each: array for each, array in arrays.items() if each != key}
            write_arrays(path, others if changed is None else others | {key: changed})
            with pytest.raises(DataError, match=rf"{name}\.npz: .*mien explain RUN"):
                report(run)
    path.unlink()
    with pytest.raises(DataError, match=rf"{name}\.npz: no such file"):
        report(run)
    assert (run.path / "report.html").read_bytes() == page


def test_the_console_says_which_methods_are_trusted_and_of_a_guess_nothing():
    values = attribution_json(FER2013)
    console = summarise(Explanation.from_dict(values, source="x"))[-1]
    assert console == "better than both controls, and different with random weights: occlusion"
    at_chance(values)
    console = summarise(Explanation.from_dict(values, source="x"))[-1]
    assert "the maps say nothing of expressions" in console
    assert "better than both controls" not in console
    nothing_better(values)
    del values["against_guessing"]
    console = summarise(Explanation.from_dict(values, source="x"))[-1]
    assert console.endswith("random weights: none")
