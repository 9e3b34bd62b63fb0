"""Three owners with a folder each, and the commands they run."""

from pathlib import Path

import pytest

from reports.cli import main

SITES = ("north", "south", "west")
DOCUMENT = """
[study]
title = "Survival with advanced lung cancer"
question = "Do women live longer with it?"

[source]
file = "people.csv"
person = "row"

[follow_up]
scale = { name = "time since entry", unit = "days" }
exit = "time"
event = { column = "status", happened = 2, label = "death" }

[variables]
age = { kind = "continuous", unit = "years", per = 10 }
female = { kind = "binary", column = "sex", yes = 2 }

[[questions]]
exposure = "female"
adjustments = { crude = [], age = ["age"] }

[[estimators]]
kind = "cox"
"""


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return int(end.value.code or 0), told.out, told.err


def begin(capsys, owners: Path) -> Path:
    folder = owners / "hub" / "exchange"
    named = [word for site in SITES for word in ("--site", site)]
    code, out, _ = run(capsys, "coordinate", owners / "hub/study.toml", *named, "--out", folder)
    assert code == 0
    assert "Send this file to each of them" in out
    return folder


def answered(capsys, owners: Path, folder: Path, place: int, sites=SITES) -> None:
    for site in sites:
        code, out, err = asked(capsys, owners, folder, place, site)
        assert code == 0, err
        assert f"answer-{place}-{site}.json" in out


def asked(capsys, owners: Path, folder: Path, place: int, site: str) -> tuple[int, str, str]:
    return run(
        capsys, "site", owners / site / "study.toml", "--name", site,
        "--message", folder / f"message-{place}.json",
        "--out", folder / f"answer-{place}-{site}.json",
    )  # fmt: skip


def go_on(capsys, owners: Path, folder: Path) -> tuple[int, str, str]:
    return run(capsys, "coordinate", owners / "hub/study.toml", "--from", folder, "--out", folder)
