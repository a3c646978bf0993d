"""What requests and answers look like, for `/openapi.json`; the options of a query are checked by it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """The options of `/v1/predict`; the names are those of `mien.predict`."""

    model_config = ConfigDict(extra="forbid")

    crops: bool = Field(False, description="The picture is a face that is cut out already; nothing is searched.")
    min_confidence: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, description="Leave out faces of which the detector is less confident."
    )
    min_px: float = Field(
        0.0, ge=0, le=1_000_000, allow_inf_nan=False, description="Leave out faces whose box is narrower or lower."
    )
    largest: bool = Field(False, description="Only the largest face.")
    align: bool = Field(True, description="Turn each face until its eyes are level.")
    explain: bool = Field(False, description="Add an occlusion map of each face.")


class ModelId(BaseModel):
    """Which network it is."""

    name: str
    version: str = Field(description="The version of mien that made it.")
    sha256: str = Field(description="Of the file with the weights.")


class FaceRecord(BaseModel):
    """A face, as `mien predict --format json` has it; for a picture without one, all but `reason` is empty."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[3]
    source: str
    frame: None
    time_s: None
    face: str | None = Field(description="Its number, from 1, left to right.")
    box: tuple[float, float, float, float] | None = Field(
        description="x, y, width, height in pixels of the picture as it is shown."
    )
    label: str | None = Field(description="The most probable class.")
    probability: float | None
    probabilities: dict[str, float] | None = Field(description="Of every class; they sum to 1.")
    rotated: Literal[0, 90, 180, 270] | None = Field(
        description="By how many degrees the picture was turned counter-clockwise before the face was found."
    )
    crop: Literal["given", "assumed"] | None = Field(description="Why the whole picture is the face.")
    quality: list[Literal["dark", "pale", "blurred", "tiny", "unsure"]] = Field(
        description="What makes the label less sure."
    )
    reason: str | None = Field(description="Why there is no face.")


class Head(BaseModel):
    """What every answer begins with."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[3]
    model: ModelId
    classes: list[str]
    warnings: list[str] = Field(description="What the network was not made for.")


class Faces(Head):
    """The faces of a request."""

    faces: list[FaceRecord]
    maps: list[str] | None = Field(
        None,
        description="With explain=1 alone: for each face a grey PNG of 48×48 pixels in base64; what is bright "
        "speaks for the label.",
    )


class Card(Head):
    """Which network answers, how good it is, and what it can't do."""

    precision: Literal["fp32", "int8"]
    scores: dict[str, Any] = Field(description="Of the bundle's card, on the faces of `split`.")
    limits: list[str] = Field(description="What the network is not made for, and where it fails.")
    licence: dict[str, str]


class Error(BaseModel):
    """Why there is no answer."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="What was wrong, and what to do.")


class Status(BaseModel):
    """Whether the service runs."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["ok", "ready"]
