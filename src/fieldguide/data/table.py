"""The tables that stages pass on: typed parquet files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import replace_file

# What pyarrow raises for a damaged file: its own errors, and the system's without a number (see `has_number`).
DAMAGED = (pa.ArrowException, OSError, ValueError)

# What is known of a picture beside its label, null where it is not known.
FIELD_DATA = [
    pa.field("site", pa.string()),  # where the camera stood
    pa.field("time", pa.timestamp("ms")),  # of capture, by the camera's own clock and time zone
    pa.field("sequence", pa.string()),  # what was taken at one go: a burst, a video, an event
    pa.field(
        "box", pa.list_(pa.field("element", pa.float64()))
    ),  # left, top, width, height of the subject, as shares of the picture's
    pa.field("given_split", pa.string()),  # train, valid, trainval or test, where the data set came divided
]

RAW = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),  # address, or path below data/sources/NAME
        pa.field("path", pa.string(), nullable=False),  # below its data set, "/" between folders; "" if not ok
        pa.field("file", pa.string(), nullable=False),  # where it is, from the checkout; "" if not ok
        pa.field("label", pa.string(), nullable=False),
        pa.field("ok", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # why not ok, else ""
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),  # of the file; "" if not ok
        *FIELD_DATA,
    ]
)

IMAGES = pa.schema(
    [
        pa.field("id", pa.string()),  # see `fieldguide.data.decoding.identity`; null if it was not decoded
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # as in RAW
        pa.field("file", pa.string(), nullable=False),  # as in RAW: the file as it came
        pa.field("label", pa.string(), nullable=False),
        pa.field("raw_label", pa.string(), nullable=False),  # it came with this one; `label` differs if relabelled
        pa.field("review", pa.string(), nullable=False),  # keep, drop or relabel, as data/reviews.csv says, else ""
        pa.field("status", pa.string(), nullable=False),  # one of Status
        pa.field("reason", pa.string(), nullable=False),  # why not kept, else ""
        pa.field("clean_path", pa.string(), nullable=False),  # below data/clean, perhaps in a pack; "" if not kept
        pa.field("clean_sha256", pa.string(), nullable=False),
        pa.field("width", pa.int32()),  # pixels of the upright raw picture; null if it was not decoded
        pa.field("height", pa.int32()),
        pa.field("short_side", pa.int32()),
        pa.field("aspect_ratio", pa.float64()),  # width / height
        pa.field("depth", pa.int32()),  # bits of a channel; of more than 8, as which the values were read
        pa.field("brightness", pa.float64()),  # mean luma, 0 black to 1 white
        pa.field("saturation", pa.float64()),  # mean of max(RGB) - min(RGB), 0 grey to 1
        pa.field("sharpness", pa.float64()),  # standard deviation of the Laplacian of the luma in [0, 1]
        pa.field("perceptual_hash", pa.string()),  # 256 bits in hex
        pa.field("note", pa.string()),  # what of the file was left aside (further pages, a broken profile), else ""
        pa.field("cut_from", pa.string()),  # of a box that was cut out: the id of the whole picture; else null
        *FIELD_DATA,
    ]
)
# Behind the columns of RAW and IMAGES, if a time came with it: the offset of the clock from UTC, as "+02:00". Most
# cameras do not write it, and their tables do without the column.
UTC_OFFSET = "utc_offset"
MAY_LACK = {"cut_from", *(field.name for field in FIELD_DATA)}  # columns that are null where nobody knows of them

MEASUREMENTS = ("width", "height", "short_side", "aspect_ratio", "brightness", "saturation", "sharpness")  # of IMAGES

SPLIT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("clean_path", pa.string(), nullable=False),  # below data/clean
        pa.field("clean_sha256", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),  # smallest id among its look-alikes
        pa.field("split", pa.string(), nullable=False),  # one of Split
        pa.field("depth", pa.int32()),  # as in IMAGES
        pa.field("split_key", pa.string()),  # what decided its side (`split.group_by`); null where it stands alone
        *FIELD_DATA,
    ]
)

OUT_OF_DOMAIN = [
    pa.field("p_value", pa.float64(), nullable=False),  # that a picture like those of train is so unusual
    pa.field("out_of_domain", pa.bool_(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),  # in words; "" if not out of domain
    pa.field("p_features", pa.float64(), nullable=False),  # the parts' own p-values
    pa.field("p_density", pa.float64(), nullable=False),
    pa.field("p_margin", pa.float64(), nullable=False),
    pa.field("p_orientation", pa.float64(), nullable=False),
    pa.field("p_brightness", pa.float64(), nullable=False),
    pa.field("p_saturation", pa.float64(), nullable=False),
    pa.field("p_sharpness", pa.float64(), nullable=False),
    pa.field("p_noise", pa.float64(), nullable=False),
    pa.field("p_aspect_ratio", pa.float64(), nullable=False),
    pa.field("p_resolution", pa.float64(), nullable=False),
    pa.field("p_border", pa.float64(), nullable=False),
]

# Of cleanvision, by its names. odd_size is not among them: cleaned copies all have one size, and clean judges that of
# the originals.
QUALITY_ISSUES = ("dark", "light", "blurry", "low_information", "grayscale", "odd_aspect_ratio")
QUALITY = [
    field
    for issue in QUALITY_ISSUES
    for field in (
        pa.field(f"{issue}_score", pa.float64(), nullable=False),  # 0 to 1, smaller is worse
        pa.field(f"is_{issue}_issue", pa.bool_(), nullable=False),
    )
]

SCREEN = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # as in RAW
        pa.field("file", pa.string(), nullable=False),  # as in RAW: the file as it came
        pa.field("label", pa.string(), nullable=False),
        pa.field("clean_path", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # one of Split
        *OUT_OF_DOMAIN,
        pa.field("label_quality", pa.float64(), nullable=False),  # out-of-fold probability of the label
        pa.field("label_surprise", pa.float64(), nullable=False),  # larger is more doubtful, see `label_doubts`
        pa.field("suggested_label", pa.string(), nullable=False),  # the most probable one
        pa.field("label_doubt", pa.bool_(), nullable=False),  # by confident learning
        pa.field("near_duplicate_of", pa.string(), nullable=False),  # id, or ""
        pa.field("near_duplicate_similarity", pa.float64()),  # cosine of features
        *QUALITY,
    ]
)

PREDICTIONS_FIXED = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("clean_path", pa.string(), nullable=False),
    pa.field("split", pa.string(), nullable=False),
    pa.field("label", pa.string(), nullable=False),
    pa.field("prediction", pa.string(), nullable=False),
    pa.field("probability", pa.float64(), nullable=False),  # of the prediction
    pa.field("loss", pa.float64(), nullable=False),  # -log(probability of the label)
]
PREDICTIONS_GROUPS = [SPLIT.field(name) for name in ("group", "split_key")]  # see `fieldguide.data.groups`


def predictions_schema(vocabulary: list[str]) -> pa.Schema:
    """The schema of the predictions: fixed columns, groups, field data, `probability_<label>` for every label.

    `path` is as in RAW.
    """
    more = [pa.field("path", pa.string(), nullable=False), *PREDICTIONS_GROUPS]
    more += [SPLIT.field(name) for name in ("site", "time", "sequence")]
    of_labels = [pa.field(f"probability_{label}", pa.float64()) for label in vocabulary]
    return pa.schema([*PREDICTIONS_FIXED, *more, *of_labels])


def further_columns(frame: pd.DataFrame, schema: pa.Schema) -> list[str]:
    """The columns of a data set's own beside those of the schema, sorted; they hold texts or null."""
    return sorted(set(frame.columns) - set(schema.names))


def write_table(frame: pd.DataFrame, path: Path, schema: pa.Schema, further: Sequence[str] = ()) -> None:
    """Write exactly the schema's columns and `further` ones of text, atomically; the same rows give the same bytes.

    Columns of MAY_LACK that are missing are null. Raises pyarrow's errors if another column is missing, has another
    type, or holds null where the schema forbids it.
    """
    names = [name for name in schema.names if name in MAY_LACK]
    unknown = [name for name in names if name not in frame.columns or frame[name].isna().all()]
    schema = pa.schema([*schema, *(pa.field(name, pa.string()) for name in further)])
    frame = frame.assign(**dict.fromkeys(unknown))
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    for field in schema:
        if not field.nullable and table[field.name].null_count:
            raise ValueError(f"column {field.name} of {path.name} is empty in some rows")
    with replace_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_table(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read a table and check that it has the schema's columns; columns of text behind them are a data set's own.

    Raises UserError if it is missing or has other columns.
    """
    table = read_columns(path)
    further = [pa.field(field.name, pa.string()) for field in list(table.schema)[len(schema) :]]
    if not table.schema.equals(pa.schema([*schema, *further])):
        raise UserError(f"{path} was written by another version of fieldguide: run `dvc repro`")
    return table.to_pandas()


def read_columns(path: Path) -> pa.Table:
    """Read a table with the columns that it has. Raises UserError if it is missing or damaged."""
    try:
        table = pq.read_table(path)
        table.validate(full=True)  # texts that are no UTF-8
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except DAMAGED as error:
        if has_number(error):
            raise
        reason = first_line(error)
        raise UserError(f"{path} cannot be read as parquet ({reason}): run `dvc repro`") from None
    return table


def has_number(error: Exception) -> bool:
    """Whether one of DAMAGED is an error of the system after all: a missing file, no permission."""
    return isinstance(error, OSError) and error.errno is not None


def with_own_paths(pictures: pd.DataFrame, image_table: Path) -> pd.DataFrame:
    """Pictures (column id) with the columns `path` and `file` of the image table: each one's own file.

    Raises UserError if the image table is missing, or is not about these pictures.
    """
    images = read_table(image_table, IMAGES)
    own = images[images["clean_path"] != ""].set_index("id")[["path", "file"]]
    if not pictures["id"].isin(own.index).all():
        raise UserError(f"{image_table} is not about the pictures of the split: run `dvc repro`")
    return pictures.join(own, on="id")


def picture_names(pictures: pd.DataFrame) -> pd.Series:
    """What each row (columns id and path) is called: its path; of several boxes of one file, with `#` and the id."""
    several = pictures["path"].duplicated(keep=False) & pictures["id"].notna()
    return pictures["path"].where(~several, pictures["path"] + "#" + pictures["id"].fillna(""))


def sampled(rows: pd.DataFrame, at_most: int) -> pd.DataFrame:
    """At most `at_most` rows, the first by `id`: always the same, yet a random draw, since ids are hashes."""
    return rows.sort_values("id").head(at_most)
