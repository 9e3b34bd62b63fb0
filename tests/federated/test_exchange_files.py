"""Three owners with a folder each, the commands, and everything that may go wrong with files."""

import json
import os

import polars as pl
import pytest

from analyses.federated.climb import MOST_ROUNDS
from analyses.federated.messages import Message, from_text, to_text
from analyses.study.study import read_study
from reports import numbers
from reports.answers import run_study
from reports.exchange_ledger import LEDGER
from reports.sources import read_document
from tests.federated.exchanges import agree_frames, lung_sites, pooled
from tests.federated.owners import DOCUMENT, SITES, answered, asked, begin, go_on, run


def test_three_owners_from_the_first_message_to_a_page(capsys, owners):
    """The estimates file holds the pooled stratified fit, every digit; the page says how."""
    folder = begin(capsys, owners)
    for place in range(MOST_ROUNDS):
        answered(capsys, owners, folder, place)
        code, out, _ = go_on(capsys, owners, folder)
        assert code == 0
        if "estimates.html" in out:
            break
    assert f"The estimates of 3 sites after {place} rounds" in out
    assert place <= 4
    told = json.loads((folder / "estimates.json").read_text())
    assert told["sites"] == list(SITES)
    ours = pl.DataFrame(told["estimates"][0]["rows"])
    study = read_study(owners / "hub" / "study.toml")
    table = lung_sites().with_columns((pl.col("site") % 3).alias("owner"))
    theirs = pooled(study, table, "owner")[0].frame
    agree_frames(ours.select(theirs.columns).cast(dict(theirs.schema)), theirs)
    page = (folder / "estimates.html").read_text()
    shown = numbers.interval(ours["conf_low"][0], ours["conf_high"][0])
    for words in ("a separate baseline hazard for each of 3 sites", shown, *SITES):
        assert words in page
    assert go_on(capsys, owners, folder)[0] == 0
    assert page == (folder / "estimates.html").read_text()


def test_a_site_keeps_a_ledger_and_refuses_too_many_queries(capsys, owners):
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0)
    go_on(capsys, owners, folder)
    message = from_text((folder / "message-1.json").read_text(), "message-1.json")
    assert isinstance(message, Message)
    for query in range(MOST_ROUNDS + 1):
        asks = [
            {"fit": one.fit, "beta": [b + query / 100 for b in one.beta], "pieces": False}
            for one in message.asks
        ]
        probe = json.loads(to_text(message))
        probe["message"]["asks"] = asks
        (folder / "message-1.json").write_text(json.dumps(probe))
        for _ in range(2):  # The same message twice counts once.
            code, _, err = asked(capsys, owners, folder, 1, "north")
        assert code == (3 if query == MOST_ROUNDS else 0)
    assert "10 is the most" in err
    held = json.loads((owners / "north" / LEDGER).read_text())
    assert len(held["entries"][0]["queries"]) == MOST_ROUNDS
    assert "row" not in json.dumps(held)
    code, *_ = asked(capsys, owners, folder, 1, "south")
    assert code == 0


def test_a_refused_message_leaves_no_answer_and_no_entry(capsys, owners):
    folder = begin(capsys, owners)
    (owners / "north" / "study.toml").write_text(DOCUMENT.replace("crude = [], ", ""))
    code, out, err = asked(capsys, owners, folder, 0, "north")
    assert (code, out) == (2, "")
    assert "another study document" in err
    assert not (folder / "answer-0-north.json").exists()
    assert not (owners / "north" / LEDGER).exists()


def test_a_ledger_that_cannot_be_read_stops_the_site(capsys, owners):
    folder = begin(capsys, owners)
    (owners / "north" / LEDGER).write_text('{"entries": [')
    code, _, err = asked(capsys, owners, folder, 0, "north")
    assert code == 2
    assert "not known what this site has told" in err
    (owners / "north" / LEDGER).write_text('{"entries": [{"document": 1}]}')
    assert asked(capsys, owners, folder, 0, "north")[0] == 2


def test_data_that_change_in_the_course_of_an_exchange(capsys, owners):
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0)
    go_on(capsys, owners, folder)
    people = owners / "north" / "people.csv"
    people.write_text(people.read_text() + "\n")
    code, _, err = asked(capsys, owners, folder, 1, "north")
    assert code == 2
    assert "has changed since it answered the opening" in err
    assert asked(capsys, owners, folder, 0, "north")[0] == 0


def test_too_few_events_at_a_site(capsys, owners):
    folder = begin(capsys, owners)
    people = owners / "north" / "people.csv"
    people.write_text("".join(people.read_text().splitlines(keepends=True)[:9]))
    code, out, err = asked(capsys, owners, folder, 0, "north")
    assert (code, out) == (3, "")
    assert "too few events" in err


def test_a_site_that_has_not_answered(capsys, owners):
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0, SITES[:2])
    code, _, err = go_on(capsys, owners, folder)
    assert code == 3
    assert "site 'west' has not answered round 0" in err


def test_an_answer_that_breaks_off_lies_or_comes_from_elsewhere(capsys, owners):
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0)
    path = folder / "answer-0-south.json"
    whole = path.read_text()
    for text, code, words in (
        (whole[: len(whole) // 2], 2, "'answer-0-south.json' is no JSON, or only a part"),
        ("[]", 2, "'answer-0-south.json' is neither a message nor an answer"),
        (whole.replace('"protocol": 1', '"protocol": 7'), 2, "of site 'south' is of protocol 7"),
        (whole.replace('"openings"', '"opened"'), 2, "of site 'south' has an unknown key"),
        (_edited(whole, version="9.9"), 3, "site 'south' answers with microcohort 9.9"),
        (_edited(whole, document="0" * 64), 3, "site 'south' answers for another study document"),
        (_edited(whole, round=4), 3, "site 'south' answers round 4, but the exchange is at"),
        (_not_finite(whole), 3, "site 'south' in 'question 1, estimator 1, crude' sends inform"),
    ):
        path.write_text(text)
        found, out, err = go_on(capsys, owners, folder)
        assert (found, out) == (code, "")
        assert words in err
        assert not (folder / "message-1.json").exists()
    path.write_text(whole)
    assert go_on(capsys, owners, folder)[0] == 0


def _edited(text: str, **head: object) -> str:
    held = json.loads(text)
    held["answer"]["head"] |= head
    return json.dumps(held)


def _not_finite(text: str) -> str:
    held = json.loads(text)
    held["answer"]["openings"][0]["starts"][0]["information"][0][0] = float("nan")
    return json.dumps(held)


def test_usage(capsys, owners):
    document, empty = owners / "hub" / "study.toml", owners / "hub" / "empty"
    code, _, err = run(capsys, "coordinate", document, "--from", empty, "--out", empty)
    assert code == 2
    assert "there is no folder" in err
    empty.mkdir()
    code, _, err = run(capsys, "coordinate", document, "--from", empty, "--out", empty)
    assert code == 2
    assert "--site NAME for each site" in err
    code, _, err = run(capsys, "coordinate", document, "--site", "one", "--out", empty)
    assert code == 2
    assert "at least two" in err
    folder = begin(capsys, owners)
    code, _, err = run(
        capsys, "coordinate", document, "--site", "a", "--site", "b", "--out", folder
    )
    assert code == 2
    assert "holds messages or answers already" in err
    code, _, err = run(
        capsys, "site", owners / "north/study.toml", "--name", "north",
        "--message", owners / "absent.json", "--out", owners / "answer.json",
    )  # fmt: skip
    assert code == 2
    assert "absent.json" in err
    answered(capsys, owners, folder, 0, ["north"])
    code, _, err = run(
        capsys, "site", owners / "north/study.toml", "--name", "north",
        "--message", folder / "answer-0-north.json", "--out", owners / "answer.json",
    )  # fmt: skip
    assert code == 2
    assert "is an answer of a site" in err


def test_a_document_that_asks_for_more_than_is_built(capsys, owners):
    """The document is at fault, with code 2, before any data are read."""
    folder = begin(capsys, owners)
    for place in ("hub", "north"):
        document = owners / place / "study.toml"
        more = '\n[[estimators]]\nkind = "kaplan-meier"\n'
        document.write_text(document.read_text(encoding="utf-8") + more, encoding="utf-8")
    said = "'study.toml': [[estimators]] number 2 is KaplanMeier: between owners only Cox"
    hub = owners / "hub" / "study.toml"
    sites = ("--site", "a", "--site", "b")
    for further in (("--from", folder), sites):
        code, _, err = run(capsys, "coordinate", hub, *further, "--out", owners / "new")
        assert (code, said in err) == (2, True)
    code, _, err = asked(capsys, owners, folder, 0, "north")
    assert (code, said in err) == (2, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written(capsys, owners):
    folder = begin(capsys, owners)
    (owners / "north").chmod(0o500)
    code, _, err = asked(capsys, owners, folder, 0, "north")
    (owners / "north").chmod(0o700)
    assert code == 2
    assert "cannot be written" in err


def test_small_counts_are_withheld_from_an_answer(capsys, owners):
    """Three records without an age: 3 dropped, and two counts of persons that differ by 3."""
    text = DOCUMENT.replace('"age"] }', '"age"] }\nmissing = "complete case"')
    for site in ("hub", *SITES):
        (owners / site / "study.toml").write_text(text)
    people = pl.read_csv(owners / "north" / "people.csv").with_columns(
        pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise(pl.col("age")).alias("age")
    )
    people.write_csv(owners / "north" / "people.csv")
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0)
    held = json.loads((folder / "answer-0-north.json").read_text())["answer"]["openings"]
    assert [one["dropped"] for one in held] == [None, None]
    assert held[0]["persons"] is not None
    assert held[1]["persons"] is None
    assert held[1]["units"] is None
    assert held[1]["person_time"] is None
    for place in range(1, MOST_ROUNDS):
        go_on(capsys, owners, folder)
        if (folder / "estimates.json").exists():
            break
        answered(capsys, owners, folder, place)
    rows = json.loads((folder / "estimates.json").read_text())["estimates"][0]["rows"]
    assert rows[0]["persons"] == len(lung_sites())
    assert rows[1]["persons"] is None
    assert rows[1]["person_time"] is None
    assert "a count that a site withholds" in rows[1]["note"]


def test_a_folder_of_two_exchanges(capsys, owners):
    folder = begin(capsys, owners)
    message = json.loads((folder / "message-0.json").read_text())
    message["message"]["sites"] = ["x", "y"]
    (folder / "copy.json").write_text(json.dumps(message))
    code, _, err = go_on(capsys, owners, folder)
    assert code == 2
    assert "two different messages of round 0" in err


def test_two_copies_of_an_answer_count_once(capsys, owners):
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0)
    text = (folder / "answer-0-south.json").read_text()
    (folder / "answer-0-south (copy).json").write_text(text)
    assert go_on(capsys, owners, folder)[0] == 0


def test_an_overflowing_question_is_refused_and_not_answered_with_infinity(capsys, owners):
    folder = begin(capsys, owners)
    answered(capsys, owners, folder, 0)
    go_on(capsys, owners, folder)
    message = json.loads((folder / "message-1.json").read_text())
    message["message"]["asks"][1]["beta"] = [1e300, 1e300]
    (folder / "message-1.json").write_text(json.dumps(message))
    code, out, err = asked(capsys, owners, folder, 1, "north")
    assert (code, out) == (3, "")
    assert "one person" in err
    assert not (folder / "answer-1-north.json").exists()


def test_derived_columns_exclusions_and_another_follow_up(capsys, owners):
    """The pooled study is the same document with all records in one file and a stratum a site."""
    text = DOCUMENT.replace(
        "[variables]",
        '[derived]\nage_in = "age * 365.25"\nage_out = "age * 365.25 + time"\n\n'
        '[other_follow_up.by_age]\nscale = { name = "age", unit = "days" }\nentry = "age_in"\n'
        'exit = "age_out"\nevent = { column = "status", happened = 2, label = "death" }\n\n'
        '[[exclusions]]\nkeep = "age >= 45"\nreason = "under 45"\n\n[variables]',
    ).replace("[[estimators]]", '[[questions]]\nexposure = "female"\nfollow_up = "by_age"\n'
              'adjustments = { "crude, by age" = [] }\n\n'
              "[[estimators]]")  # fmt: skip
    for site in ("hub", *SITES):
        (owners / site / "study.toml").write_text(text)
    folder = begin(capsys, owners)
    for place in range(MOST_ROUNDS):
        answered(capsys, owners, folder, place)
        go_on(capsys, owners, folder)
        if (folder / "estimates.json").exists():
            break
    told = json.loads((folder / "estimates.json").read_text())["estimates"]
    (owners / "all").mkdir()
    table = lung_sites().with_columns((pl.col("site") % 3).alias("owner"))
    table.write_csv(owners / "all" / "people.csv")
    whole = text.replace("[variables]", '[variables]\nowner = { kind = "continuous" }')
    whole = whole.replace('exposure = "female"', 'exposure = "female"\nstrata = ["owner"]')
    (owners / "all" / "study.toml").write_text(whole)
    answers = run_study(read_document(owners / "all" / "study.toml"), lambda words: None)
    assert len(told) == len(answers.ratios) == 2
    for ours, theirs in zip(told, answers.ratios, strict=True):
        frame = theirs.estimates.frame
        agree_frames(pl.DataFrame(ours["rows"]).cast(dict(frame.schema)), frame)
    assert "time scale: age, in days with late entry" in told[1]["method"]
