"""Write labels of DICOM clips as DICOM Segmentation objects.

::

    DIR/NAME.seg.dcm    binary segments, one frame for each structure and labelled frame

Each frame refers to the source's SOP instance and frame number. A segment's
frame is written also where it is empty, so that the frames it refers to are
exactly the labelled ones. What the standard has from the source (the patient's
name, the study, the equipment) is copied from it.

highdicom makes the object, but takes cines only with a place in space, which
ultrasound has not: the functional groups of the frames are made here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from napari_echo import __version__
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.io.labelled import LabelledClip, Outcome, Skipped, Written, clip_name
from napari_echo.io.reading import captured_log, decoding, is_dicom
from napari_echo.io.writing import FileNames

SUFFIX = ".seg.dcm"

# SNOMED CT codes of the structures, by their names in lower case.
_CODES = {
    "lv cavity": ("87878005", "Left cardiac ventricular structure"),
    "myocardium": ("74281007", "Myocardium structure"),
    "left atrium": ("82471001", "Left atrial structure"),
}
_STILL = "1.2.840.10008.5.1.4.1.1.6.1"  # Ultrasound Image Storage
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_OTHER = ("80891009", "Heart structure")


def fill_dicom_seg(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    """Write labelled clips into an empty folder, one as each is asked for.

    Parameters
    ----------
    folder : Path
        Empty.
    clips : iterable of LabelledClip
        Those that do not come from a DICOM file are skipped.

    Yields
    ------
    Written or Skipped
        For each clip.

    Raises
    ------
    EchoError
        If highdicom is not installed.
    """
    highdicom()
    names = FileNames()
    for item in clips:
        try:
            source = _source(item)
            _check(item)
            segmentation = _segmentation(item, source)
        except EchoError as error:
            yield Skipped(item.clip.name, str(error))
            continue
        name = names.take(clip_name(item.clip))
        segmentation.save_as(folder / f"{name}{SUFFIX}")
        yield Written(name, item.truth.annotated_frames, (f"{name}{SUFFIX}",))


def highdicom() -> Any:
    """The module `highdicom`.

    Raises
    ------
    EchoError
        If it is not installed.
    """
    try:
        import highdicom
        import highdicom.seg
    except ImportError as error:
        raise EchoError(
            "DICOM-SEG needs the package highdicom: install it by "
            "`pip install 'napari-echo[export]'`."
        ) from error
    return highdicom


def _source(item: LabelledClip) -> Any:
    """The header of the clip's DICOM file."""
    import pydicom

    path = item.clip.source
    if path is None or not path.is_file():
        raise EchoError("Its file is not known, so that it cannot be told whether it is DICOM.")
    if not is_dicom(path):
        raise EchoError("It does not come from a DICOM file, which DICOM-SEG refers to.")
    with decoding(path, "a DICOM file"), captured_log("pydicom"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
    needed = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
    missing = [name for name in needed if not dataset.get(name)]
    if missing:
        raise EchoError(f"Its DICOM file has no {missing[0]}, which DICOM-SEG refers to.")
    shape = (int(dataset.get("NumberOfFrames") or 1), int(dataset.Rows), int(dataset.Columns))
    if shape != item.clip.frames.shape:
        raise EchoError(f"Its DICOM file holds {shape}, not the frames {item.clip.frames.shape}.")
    return dataset


def _check(item: LabelledClip) -> None:
    labels = item.truth.labels[list(item.truth.annotated_frames)]
    if (labels == IGNORE).any():
        raise EchoError("It has unlabelled pixels, which DICOM-SEG cannot tell from background.")


def _segmentation(item: LabelledClip, source: Any) -> Any:
    """Make the object of one clip."""
    from pydicom.dataset import Dataset
    from pydicom.pixels.utils import pack_bits
    from pydicom.sequence import Sequence

    structures = sorted(item.truth.schema.structures, key=lambda s: s.index)
    try:
        made = _template(source, item.truth.schema)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EchoError(f"Its DICOM header is not what DICOM-SEG needs: {error}.") from error
    frames = item.truth.annotated_frames
    group = made.PerFrameFunctionalGroupsSequence[0]
    groups, masks = [], []
    for segment, structure in enumerate(structures, start=1):
        for frame in frames:
            copy = deepcopy(group)
            copy.SegmentIdentificationSequence[0].ReferencedSegmentNumber = segment
            source_image = copy.DerivationImageSequence[0].SourceImageSequence[0]
            source_image.ReferencedSOPClassUID = source.SOPClassUID
            source_image.ReferencedFrameNumber = frame + 1
            content = copy.FrameContentSequence[0]
            content.DimensionIndexValues = [segment, frame + 1]
            content.TemporalPositionIndex = frame + 1
            groups.append(copy)
            masks.append(item.truth.labels[frame] == structure.index)
    for series in made.get("ReferencedSeriesSequence") or ():
        for instance in series.ReferencedInstanceSequence:
            instance.ReferencedSOPClassUID = source.SOPClassUID
    made.PatientOrientation = source.get("PatientOrientation") or ""
    made.PerFrameFunctionalGroupsSequence = Sequence(groups)
    made.NumberOfFrames = len(groups)
    made.PixelData = pack_bits(np.stack(masks).astype(np.uint8).ravel(), pad=True)
    time = Dataset()
    time.DimensionOrganizationUID = made.DimensionOrganizationSequence[0].DimensionOrganizationUID
    time.DimensionIndexPointer = 0x00209128  # Temporal Position Index
    time.FunctionalGroupPointer = 0x00209111  # Frame Content Sequence
    time.DimensionDescriptionLabel = "Temporal Position Index"
    made.DimensionIndexSequence = Sequence([made.DimensionIndexSequence[0], time])
    return made


def _template(source: Any, schema: LabelSchema) -> Any:
    """A segmentation of one empty frame, with all that does not depend on the frames."""
    hd = highdicom()
    still = deepcopy(source)
    still.SOPClassUID = _STILL
    # The standard wants them, empty where they are not known; files without names lack some.
    for keyword in _MAY_BE_EMPTY:
        if keyword not in still:
            setattr(still, keyword, "")
    # Ultrasound has a frame of reference seldom, and then no place in it that highdicom reads.
    for keyword in ("NumberOfFrames", "FrameOfReferenceUID", "PixelSpacing", "SliceThickness"):
        if keyword in still:
            delattr(still, keyword)
    structures = sorted(schema.structures, key=lambda s: s.index)
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=structure.name[:64],
            segmented_property_category=hd.sr.CodedConcept(
                "91723000", "SCT", "Anatomical structure"
            ),
            segmented_property_type=_code(structure.name),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, structure in enumerate(structures, start=1)
    ]
    with warnings.catch_warnings():
        # It warns of patients' names without a comma, which are the source's.
        warnings.simplefilter("ignore")
        return hd.seg.Segmentation(
            source_images=[still],
            pixel_array=np.zeros((1, int(still.Rows), int(still.Columns)), np.uint8),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=descriptions,
            series_instance_uid=hd.UID(),
            series_number=int(source.get("SeriesNumber") or 0) + 1000,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="napari-echo",
            manufacturer_model_name="napari-echo",
            software_versions=__version__,
            device_serial_number="0",
            content_label="LABELS",
            content_description=f"Labels, schema {schema.name}"[:64],
            series_description="napari-echo labels",
            omit_empty_frames=False,
        )


def _code(name: str) -> Any:
    value, meaning = _CODES.get(name.lower(), _OTHER)
    return highdicom().sr.CodedConcept(value, "SCT", meaning)
