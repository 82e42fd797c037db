"""Model packs: a model as data. Opening one runs no code and needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema

CARD = "card.json"
GRAPH = "model.onnx"
STEP = "step.onnx"
WEIGHTS = "weights.safetensors"
DEFAULT = "default"
VERSION = 2


class Metric(BaseModel):
    """One measured number: on what, and by which command."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float
    unit: str
    data: str
    command: str


class PIDNetNetwork(BaseModel):
    """A PIDNet by its numbers, for a pack whose config does not ship with the program.

    Grey levels enter every one of `mean`'s channels, less that channel's mean
    and divided by its `std`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: tuple[float, ...] = Field(min_length=1, max_length=4)
    std: tuple[float, ...] = Field(min_length=1, max_length=4)
    channels: int = Field(ge=1, le=256)
    ppm_channels: int = Field(ge=1, le=512)
    num_stem_blocks: int = Field(ge=1, le=8)
    num_branch_blocks: int = Field(ge=1, le=8)
    head_channels: int = Field(ge=1, le=1024)
    align_corners: bool


class DataUsed(BaseModel):
    """A split of a clip data set, by what is in it and not by where it lies.

    `fingerprint` is that of `workflow.retrain_data.fingerprint`; `repeat` is how
    often its frames were listed in training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    split: str
    fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")
    clips: int
    frames: int
    repeat: int = 1


class Compared(BaseModel):
    """A measure of the new model beside that of its base, on the same clips.

    `difference` is the mean of new minus base, with its 95% interval from
    `low` to `high`; null where nothing could be measured, or nothing repeated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: str
    unit: str
    clips: int
    base: float | None
    new: float | None
    difference: float | None
    low: float | None
    high: float | None


class Retraining(BaseModel):
    """How a model came from another by `napari-echo retrain`, and how they compare."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    base_id: str = Field(pattern=r"^[0-9a-f]{64}$", description="Id of the base pack.")
    revisions: list[str] = Field(description="Ids of the revisions that it learned from.")
    data: list[DataUsed]
    validation: DataUsed
    iterations: int
    seed: int
    command: str
    program: str
    offered: bool = Field(default=False, description="Whether it was no worse than its base.")
    compared: list[Compared] = []


class ModelCard(BaseModel):
    """What a pack says of its model.

    The id is the SHA-256 of the weights, so that a prediction names the
    exact model that made it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = VERSION
    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str
    description: str
    architecture: str
    config: str = Field(description="The training config, by name.")
    network: PIDNetNetwork | None = Field(
        None, description="In place of the config, where that does not ship."
    )
    temporal: bool = Field(
        False, description="Whether it remembers the frames before; its graphs are then two."
    )
    hardness: bool = Field(False, description="Whether it also gives a learned hardness.")
    bits: Literal[8, 16] = Field(
        16, description="Bits of a convolution's weight; 8 come with a scale per output channel."
    )
    input_size: int = Field(ge=32, le=2048, description="Side of the square, pixels.")
    mean: float = Field(description="Subtracted from the grey levels.")
    std: float = Field(gt=0, description="Divides the grey levels.")
    label_schema: dict[str, Any]
    training_spacing_mm: tuple[float, float] | None = Field(
        description="Range of the pixel spacing at the model's input during training, if known."
    )
    training_data: list[str]
    metrics: list[Metric]
    limits: list[str]
    licence: str
    citation: list[str]
    train_again: list[str] = Field(description="Commands that make this model anew.")
    recommended_for: str
    rank: int = Field(0, description="The shipped pack of the highest rank is the default.")
    converted_from: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Id of the pack whose weights it has."
    )
    retraining: Retraining | None = Field(
        None, description="Where corrections of another pack's predictions made it."
    )
    files: dict[str, str] = Field(description="SHA-256 of each file of the pack.")

    @model_validator(mode="before")
    @classmethod
    def _not_newer(cls, data: Any) -> Any:
        # Before the fields are looked at: those of a newer version are not known here.
        version = data.get("format_version", VERSION) if isinstance(data, dict) else VERSION
        if isinstance(version, int) and version > VERSION:
            raise ValueError(f"it has format {version} and this program reads up to {VERSION}")
        return data


@dataclass(frozen=True)
class ModelPack:
    """An opened pack: its folder and its card."""

    path: Path
    card: ModelCard

    @property
    def id(self) -> str:
        """SHA-256 of the weights."""
        return self.card.id

    @property
    def name(self) -> str:
        """The name for people."""
        return self.card.name

    @property
    def schema(self) -> LabelSchema:
        """What the model's labels mean."""
        return LabelSchema.from_dict(self.card.label_schema)

    def verify(self) -> None:
        """Check every file against the card.

        Raises
        ------
        EchoError
            If a file is missing or its SHA-256 is not the card's.
        """
        for name, expected in self.card.files.items():
            path = self.path / name
            if not path.is_file():
                raise EchoError(f"The model pack {self.path} lacks {name}; install it again.")
            if file_hash(path) != expected:
                raise EchoError(
                    f"{path} is not the file that the model pack's card names (its SHA-256 "
                    "differs), so it is not used; install the pack again."
                )


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_pack(path: Path) -> ModelPack:
    """Open a pack and check its card; `ModelPack.verify` checks the files.

    Raises
    ------
    EchoError
        If `path` is no pack or its card is damaged.
    """
    card_path = path / CARD
    if not card_path.is_file():
        raise EchoError(f"{path} is not a model pack: it has no {CARD}.")
    try:
        card = ModelCard.model_validate_json(card_path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{field}: " for field in first["loc"])
        raise EchoError(
            f"The card of the model pack {path} is damaged: {where}{first['msg']}."
        ) from error
    except (UnicodeDecodeError, OSError) as error:
        raise EchoError(f"The card of the model pack {path} is damaged: {error}.") from error
    if any(Path(name).name != name for name in card.files):
        raise EchoError(f"The card of the model pack {path} names a file outside the pack.")
    if card.files.get(WEIGHTS) != card.id:
        raise EchoError(f"The card of the model pack {path} does not vouch for its weights.")
    return ModelPack(path, card)


def packs_dir() -> Path:
    """The folder of the shipped packs: in the wheel, else in the checkout."""
    package = Path(__file__).parent.parent
    inside = package / "sample_data" / "models"
    return inside if inside.is_dir() else package.parent / "sample_data" / "models"


@lru_cache(maxsize=1)
def shipped_packs() -> tuple[ModelPack, ...]:
    """The packs that come with the program, the best for real echo first."""
    folders = sorted(path.parent for path in packs_dir().glob(f"*/{CARD}"))
    return tuple(sorted(map(open_pack, folders), key=lambda pack: -pack.card.rank))


def find_pack(name: str | Path) -> ModelPack:
    """A pack by its name, its folder, or ``"default"``.

    Raises
    ------
    EchoError
        If there is none; the message lists those there are.
    """
    packs = shipped_packs()
    if str(name) == DEFAULT:
        if not packs:
            raise EchoError("No model pack came with this installation; give a pack's folder.")
        return packs[0]
    for pack in packs:
        if pack.name == str(name):
            return pack
    path = Path(name)
    if path.is_dir():
        return open_pack(path)
    names = ", ".join(pack.name for pack in packs) or "none"
    raise EchoError(f"There is no model pack '{name}'; shipped are: {names}.")
