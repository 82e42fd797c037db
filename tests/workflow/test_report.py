"""A report on models that are wrong in a known way, on clips of every awkward kind."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections import Counter
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA, LabelSchema, Segmentation, Structure
from napari_echo.io.clipset import open_clipset, write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.load import load
from napari_echo.ml.packs import find_pack
from napari_echo.phantom.generate import Part, generate
from napari_echo.workflow.evaluate import evaluate, labelled_entries
from napari_echo.workflow.report.build import Report, write_report
from napari_echo.workflow.report.provenance import data_hash
from napari_echo.workflow.truth import find_truth, load_truth


@dataclass
class _Shift:
    """Calls bright pixels LV, some pixels to the right of where they are."""

    shift: int
    schema: LabelSchema = LV_SCHEMA
    path: str = "packs/shift"

    @property
    def pack(self) -> _Shift:
        return self

    @property
    def id(self) -> str:
        return f"{self.shift}" * 64

    @property
    def name(self) -> str:
        return f"<shift {self.shift}>"

    def probabilities(self, frames: NDArray[np.uint8], /) -> NDArray[np.float16]:
        bright = np.roll(frames > 100, self.shift, axis=2)
        return np.stack([~bright, bright], axis=1).astype(np.float16)


def _clip(seed: int, study: str, part: Part = "key", grey: int = 200, **facts: Any) -> LabelledClip:
    """A phantom's ventricle, painted in one grey; facts replace what is known of it."""
    made = generate(seed, size=(96, 96), frames=part)
    annotated = np.ones(len(made.clip), bool)
    annotated[list(facts.pop("unlabelled", ()))] = False
    labels = np.where(annotated[:, None, None], made.truth.labels == 1, 0).astype(np.uint8)
    clip = EchoClip.from_frames(
        np.where(made.truth.labels == 1, grey, 20).astype(np.uint8), fps=20, view="A4C",
        study_id=study, spacing_mm=facts.pop("spacing_mm", made.clip.spacing_mm),
    )  # fmt: skip
    truth = Segmentation(labels, annotated, "ground truth", LV_SCHEMA)
    return replace(LabelledClip(clip, truth, made.key_frames, "val", made.ef), **facts)


MODELS = (_Shift(1), _Shift(3))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven clips of six patients; each but the first two lacks something."""
    clips = [
        _clip(3, "dense", "half beat"),
        _clip(1, "whole"),
        _clip(2, "whole", ef=None),  # a second clip of the same patient
        _clip(4, "no-spacing", spacing_mm=None),
        _clip(4, "no-ed", grey=190, unlabelled=(0,)),
        _clip(1, "no-lv", grey=20),  # nothing to be found
        _clip(2, "no-beat", grey=190, key_frames=KeyFrames((), "traced")),
        _clip(2, "bare", grey=180, unlabelled=(0, 1)),
    ]
    return write_clipset(tmp_path_factory.mktemp("data") / "clips", clips)


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on both models, written once."""
    out = tmp_path_factory.mktemp("report") / "out"
    return write_report(MODELS, data, out, hardest=7, command="napari-echo report <both>")


class _Page(HTMLParser):
    """Collects what a page names and checks that its tags are closed."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            if name in ("href", "src", "xlink:href"):
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_folder_holds_three_files_of_plain_numbers(made: Report) -> None:
    assert {p.name for p in made.folder.iterdir()} == {"report.json", "clips.csv", "report.html"}

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (made.folder / "report.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse) == made.content


def test_what_clips_lack_is_counted(made: Report) -> None:
    assert made.content["data"]["counts"] == {
        "patients": 6,
        "clips": 7,
        "labelled_frames": 13 + 5 * 2 + 1,
        "clips_without_label": 1,
        "clips_without_ed": 2,
        "clips_without_es": 1,
        "clips_without_beat": 2,
        "clips_without_spacing": 1,
        "clips_with_stated_ef": 6,
        "clips_with_jitter": 1,
    }


def test_the_summary_is_that_of_the_evaluation(made: Report, data: Path) -> None:
    assert [m["name"] for m in made.content["models"]] == ["<shift 1>", "<shift 3>"]
    for model, summary in zip(MODELS, made.content["models"], strict=True):
        found, lv, summary = evaluate(model, data), made.content["lv"], summary["summary"]
        scores = summary["structures"][lv]
        for phase in ("ED", "ES"):
            dice = scores[phase]["dice"]
            assert dice["mean"] == pytest.approx(found.mean("dice", lv, phase), rel=1e-5)
            assert dice["low"] < dice["mean"] < dice["high"]
        assert (scores["all"]["frames"], scores["all"]["missed"]) == (24, 2)  # the clip without
        agreed = found.ef_agreement()
        assert agreed is not None
        assert summary["ef_points"]["masks"]["rmse"] == pytest.approx(agreed.rmse, rel=1e-5)
        assert summary["jitter_percent"]["n"] == summary["excess_flicker_points"]["n"] == 1
        # A ventricle that is moved keeps its size, and moves as the true one does.
        assert summary["jitter_percent"]["mean"] == summary["true_jitter_percent"]["mean"] > 0
        assert summary["excess_flicker_points"]["mean"] == 0


def test_the_differences_are_second_minus_first_on_common_clips(made: Report) -> None:
    rows = {row["measure"]: row for row in made.content["differences"]}
    dice = rows["dice_es"]
    assert dice["difference"]["mean"] == pytest.approx(
        dice["mean_second"] - dice["mean_first"], abs=1e-5
    )
    # Six clips have a labelled ES: the two of one patient are drawn together.
    assert (dice["difference"]["n"], dice["difference"]["patients"]) == (6, 5)
    assert dice["difference"]["low"] < dice["difference"]["mean"] < dice["difference"]["high"]
    # Neither the clip without a spacing nor that without an LV has a distance.
    assert rows["hd95_mm_es"]["difference"]["n"] == 4
    # The further a model moves the LV, the worse it is, and by two pixels' width.
    assert dice["difference"]["mean"] < 0 < rows["hd95_mm_es"]["difference"]["low"]
    assert rows["flicker"]["difference"]["mean"] == 0
    assert rows["flicker"]["p_wilcoxon"] is None


def test_every_clip_and_model_has_a_row(made: Report) -> None:
    with (made.folder / "clips.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["model"] for row in rows) == {"<shift 1>": 7, "<shift 3>": 7}
    by_study = {row["study_id"]: row for row in rows if row["model"] == "<shift 3>"}
    assert by_study["no-spacing"]["hd95_mm_ed"] == by_study["no-spacing"]["area_true_ed_cm2"] == ""
    assert by_study["no-ed"]["dice_ed"] == by_study["no-ed"]["ef_predicted"] == ""
    assert by_study["no-ed"]["dice_es"] != ""
    missed = by_study["no-lv"]
    assert (float(missed["dice_es"]), float(missed["area_gap_es_percent"])) == (0, -100)
    assert missed["ef_predicted"] == missed["asd_mm_es"] == ""
    assert 0 < float(missed["ef_true"]) < 100
    dense = by_study["dense"]
    assert float(dense["ef_predicted"]) == pytest.approx(float(dense["ef_true"]))
    spacing = float(dense["spacing_mm"])
    # A shift by three pixels, along the rows, moves most of the outline as far.
    assert float(dense["hd95_mm_ed"]) == pytest.approx(3 * spacing, rel=0.1)


def test_the_page_stands_alone(made: Report) -> None:
    text = (made.folder / "report.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert page.open == []
    assert page.tags["link"] == page.tags["iframe"] == 0
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in page.links)
    assert not re.search(r"url\((?!#)", text)
    # One address alone: the names of SVG's vocabularies.
    addresses = set(re.findall(r"https?://[^\s\"<]+", text))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)


def test_the_pages_links_lead_somewhere(made: Report) -> None:
    page = _Page((made.folder / "report.html").read_text(encoding="utf-8"))
    assert max(page.ids.values()) == 1
    wanted = {link[1:] for link in page.links if link.startswith("#")}
    assert {f"clip-{i}" for i in range(7)} <= wanted <= set(page.ids)


def test_the_page_shows_every_clip_and_how_to_repeat_it(made: Report) -> None:
    text = (made.folder / "report.html").read_text(encoding="utf-8")
    page = _Page(text)
    # Seven hard clips: five at ED and ES, one at ES alone, one at a frame of neither.
    assert page.tags["img"] == (5 * 2 + 1 + 1) * (1 + 2)
    assert page.tags["svg"] >= 1 + 2 + 2 * 2
    assert "napari-echo report &lt;both&gt;" in text  # escaped, as is all that comes from outside
    assert made.content["data"]["sha256"] in text
    assert all(model.id in text for model in MODELS)
    assert "&lt;shift 1&gt;" in text
    assert "<shift" not in text


def test_the_command_of_a_clip_opens_it_with_its_truth(made: Report) -> None:
    with (made.folder / "clips.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["study_id"] == "no-ed")
    words = shlex.split(row["open"])
    path, named, frame = words[2], words[3:-2], words[-2:]
    assert words[:2] == ["napari-echo", "open"]
    assert named == ["--model", str(Path("packs/shift").absolute())] * 2
    assert frame == ["--frame", "1"]  # its only labelled frame
    clip = load(path)
    assert (clip.study_id, clip.fps, clip.view) == ("no-ed", 20, "A4C")
    assert clip.spacing_mm is not None
    truth = find_truth(clip)
    assert truth is not None
    assert load_truth(truth, clip).annotated.tolist() == [False, True]


def test_the_hash_of_the_data_is_of_what_was_measured(data: Path, tmp_path: Path) -> None:
    def hash_of(clips: list[LabelledClip], name: str) -> str:
        opened = open_clipset(write_clipset(tmp_path / name, clips))
        return data_hash(opened, labelled_entries(opened, "val")[0])

    one, two = _clip(1, "one"), _clip(2, "two")
    labels = two.truth.labels.copy()
    labels[0, 0, 0] = 1
    changed = replace(two, truth=replace(two.truth, labels=labels))
    assert hash_of([one, two], "a") == hash_of([two, one], "b")
    assert hash_of([one, changed], "c") != hash_of([one, two], "d")
    assert hash_of([one, replace(two, ef=0.5)], "e") != hash_of([one, two], "f")


def test_nothing_is_left_half_done(data: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(EchoError, match="exists already"):
        write_report(MODELS, data, tmp_path / "there")
    with pytest.raises(EchoError, match="no labelled clip in the split 'test'"):
        write_report(MODELS, data, tmp_path / "out", split="test")
    with pytest.raises(EchoError, match="given twice"):
        write_report([MODELS[0], MODELS[0]], data, tmp_path / "out")
    blind = _Shift(2, LabelSchema("other", (Structure(2, "myocardium", "#009e73"),)))
    with pytest.raises(EchoError, match="<shift 2> knows no left ventricle"):
        write_report([blind], data, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_shipped_model_from_the_command_line(tmp_path: Path) -> None:
    data, out = tmp_path / "clips", tmp_path / "out"
    write_clipset(data, [_clip(1, "one"), _clip(2, "two")])
    arguments = ["report", "default", "--data", str(data), "--out", str(out), "--hardest", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    header, row, *_, last = result.stdout.splitlines()
    assert header.startswith("MODEL")
    assert row.startswith(find_pack("default").name)
    assert last == str(out / "report.html")
    content = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert content["differences"] == []
    assert content["models"][0]["id"] == find_pack("default").id
    assert content["command"].startswith(f"napari-echo report default --data {data} ")
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
