import io
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.ingest.media import FileLimits
from services.ingest.media.image_codec import make_safe
from services.prelabel.compute import pictures
from services.prelabel.compute.sessions import inputs
from services.prelabel.domain import prediction
from services.prelabel.domain.objective import check_manifest, label_of, objective_of
from services.prelabel.domain.onnxfile import check_file
from services.prelabel.exceptions import ManifestRefused, ModelRefused, UnreadablePicture
from services.prelabel.process_state.arrivals import Arrivals
from services.prelabel.process_state.dirty_projects import DirtyProjects
from services.prelabel.process_state.pace import Pace
from shared.contracts.answers import LabelSchema
from shared.contracts.events import ModelManifest
from shared.contracts.values import RecordState, ScoredFor
from shared.kit.clock import new_id
from shared.kit.images import profiles

MOST_PIXELS = 1_000_000

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [
            {"name": "note", "kind": "text", "required": False},
            {"name": "picture", "kind": "image"},
        ],
        "questions": [
            {"name": "tags", "kind": "multi_choice", "labels": ["x", "y"]},
            {
                "name": "why", "kind": "choice", "labels": ["p", "q"],
                "visible_when": {"question": "tags", "labels": ["x"]},
            },
            {"name": "animal", "kind": "choice", "labels": ["cat", "dog"]},
        ],
    }
)  # fmt: skip
MANIFEST = ModelManifest(
    task="image_classification", schema_version=1, question="animal", field="picture", labels=["cat", "dog"],
    input_name="in", output_name="out", width=4, height=2, channels=3,
)  # fmt: skip


def encoded(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def test_the_objective_is_the_choice_that_is_always_asked_about_the_field_that_is_always_there() -> None:
    objective = objective_of(SCHEMA, 3)
    assert objective is not None
    assert (objective.question, objective.field, objective.task) == ("animal", "picture", "image_classification")
    assert label_of(objective, {"animal": {"label": "dog"}}) == "dog"
    assert label_of(objective, {"animal": {"label": "cow"}}) is None
    assert label_of(objective, {"why": {"label": "p"}}) is None


def test_a_schema_without_a_choice_has_no_objective() -> None:
    schema = {
        "fields": [{"name": "t", "kind": "text"}],
        "questions": [{"name": "q", "kind": "spans", "field": "t", "labels": ["a"]}],
    }
    assert objective_of(LabelSchema.model_validate(schema), 1) is None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"schema_version": 2}, "/schema_version"),
        ({"question": "tags"}, "/question"),
        ({"field": "note"}, "/field"),
        ({"labels": ["cat", "cow"]}, "/labels"),
        ({"labels": ["cat", "cat"]}, "/labels"),
        ({"width": None}, "/width"),
    ],
)
def test_a_manifest_must_fit_the_schema(change: dict[str, Any], pointer: str) -> None:
    check_manifest(MANIFEST, {1: SCHEMA})
    with pytest.raises(ManifestRefused) as refused:
        check_manifest(MANIFEST.model_copy(update=change), {1: SCHEMA})
    assert refused.value.pointer == pointer


@settings(max_examples=50)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_accepted_but_never_break(data: bytes) -> None:
    try:
        check_file(data)
    except ModelRefused:
        return


def test_pictures_are_read_row_by_row_or_channel_by_channel() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    flat = inputs(MANIFEST, [pixels])
    assert flat.shape == (1, 24)
    assert flat[0] == pytest.approx(np.arange(24) / 255)
    channels = inputs(MANIFEST.model_copy(update={"layout": "nchw"}), [pixels, pixels])
    assert channels.shape == (2, 3, 2, 4)
    assert channels[0, 1, 0, 0] == pytest.approx(1 / 255)


def test_texts_are_read_by_the_manifest() -> None:
    manifest = MANIFEST.model_copy(update={"task": "text_classification", "lowercase": True})
    assert inputs(manifest, ["A  B"]).tolist() == [["a  b"]]
    squeezed = manifest.model_copy(update={"collapse_whitespace": True, "lowercase": False})
    assert inputs(squeezed, [" A\n\tB "]).tolist() == [["A B"]]


def test_words_stand_one_space_apart_whatever_parts_them() -> None:
    manifest = MANIFEST.model_copy(update={"task": "text_classification", "collapse_whitespace": True})
    parting = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    assert len(parting) > 20
    for around in ("a%sb", "%sa b", "a b%s", "a %sb"):
        texts = [around % sign for sign in [*parting, "", "😡", "谢", "\u200b", "\u00ad"]]
        assert inputs(manifest, texts).ravel().tolist() == [" ".join(text.split()) for text in texts]


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "RGBA", "LA", "I;16", "CMYK"])
def test_every_kind_of_picture_can_be_read(mode: str) -> None:
    image = (
        Image.new("L", (10, 6), 255 if mode == "1" else 200).convert(mode)
        if mode != "I;16"
        else Image.new(mode, (10, 6), 200 << 8)
    )
    data = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
    pixels = pictures.pixels(pictures.read(data, MOST_PIXELS), 5, 3, 1)
    assert pixels.shape == (3, 5, 1)
    assert np.abs(pixels.astype(int) - (255 if mode == "1" else 200)).max() <= 3


def test_what_is_transparent_becomes_white() -> None:
    pixels = pictures.pixels(pictures.read(encoded(Image.new("RGBA", (2, 2), (0, 0, 0, 0))), MOST_PIXELS), 2, 2, 1)
    assert (pixels == 255).all()


def test_a_model_sees_the_pixels_that_ingest_keeps() -> None:
    image = Image.new("RGB", (6, 4), (40, 231, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    primaries = (31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000)  # of sRGB, red and green exchanged
    data = encoded(image, exif=exif, icc_profile=profiles.of_png(None, primaries, grey=False))
    kept = pictures.read(make_safe(data, FileLimits(10_000, 100)).data, MOST_PIXELS)
    seen = pictures.read(data, MOST_PIXELS)
    assert seen.size == kept.size == (4, 6)
    assert seen.tobytes() == kept.tobytes()
    assert seen.getpixel((0, 0)) == pytest.approx((231, 40, 30), abs=2)


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", encoded(Image.new("L", (40, 40)))[:-30], encoded(Image.new("L", (2, 2)), "GIF")]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        pictures.read(data, MOST_PIXELS)


def test_a_small_picture_is_its_own_thumbnail_and_a_large_one_keeps_its_proportions() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    small = pictures.thumbnail(pictures.read(encoded(Image.fromarray(grey)), MOST_PIXELS))
    assert (small.width, small.height, small.channels, small.pixels) == (8, 8, 1, grey.tobytes())
    large = pictures.thumbnail(pictures.read(encoded(Image.new("RGB", (640, 320))), MOST_PIXELS))
    assert (large.width, large.height, large.channels) == (32, 16, 3)


def test_a_row_without_an_answer_costs_only_itself() -> None:
    rows = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    made = prediction.answered(MANIFEST, rows, 1.0)
    assert [each and each["answers"]["animal"]["label"] for each in made] == ["cat", None, "dog"]
    assert prediction.answered(MANIFEST, np.empty((0, 0)), 1.0) == []


def test_only_a_held_out_record_with_its_label_is_scored_for_evaluation() -> None:
    assert prediction.scored_for(RecordState.FINALIZED, held_out=True) is ScoredFor.EVALUATION
    assert prediction.scored_for(RecordState.OPEN, held_out=True) is ScoredFor.ROUTING
    assert prediction.scored_for(RecordState.OPEN, held_out=False) is ScoredFor.ROUTING


def test_chunks_grow_while_they_are_quick_and_shrink_when_they_are_slow() -> None:
    pace = Pace(300)
    sizes = []
    for seconds in (0.1, 0.1, 0.1, 0.7, 2.0, 2.0):
        pace.took(seconds)
        sizes.append(pace.size)
    assert sizes == [128, 256, 300, 300, 150, 75]


def test_quiet_begins_anew_with_every_record() -> None:
    now = [100.0]
    arrivals, project, first, second = Arrivals(lambda: now[0]), new_id(), new_id(), new_id()
    assert arrivals.quiet_s(project, first) == 0
    now[0] += 3
    assert arrivals.quiet_s(project, first) == 3
    arrivals.note(project)
    assert arrivals.quiet_s(project, first) == 0
    now[0] += 3
    assert arrivals.quiet_s(project, second) == 0


def test_a_look_at_every_project_takes_at_most_a_tenth_of_the_time() -> None:
    now = [0.0]
    dirty = DirtyProjects(lambda: now[0])
    assert dirty.look_is_due()
    dirty.looked(2.0)
    now[0] = 19.9
    assert not dirty.look_is_due()
    now[0] = 20.0
    assert dirty.look_is_due()
    project = new_id()
    dirty.add(project)
    assert (dirty.take(), dirty.take()) == ({project}, set())
