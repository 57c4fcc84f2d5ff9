"""The same figures as text, CSV and JSON; words where there are none."""

from __future__ import annotations

import csv
import io
import json

from domain.languages.catalogue import load_catalogue
from domain.notices import NOTICE
from reports.csv_form import COLUMNS, render_csv
from reports.figures import Report
from reports.sections.all_sections import compose_sections
from reports.text_form import WIDTH, render_text
from reports.wording import write_duration, write_unit


def test_text_says_what_was_counted(march: Report) -> None:
    text = render_text(march)
    words = " ".join(text.split())
    assert NOTICE in words
    assert max(map(len, text.splitlines())) <= WIDTH
    for said in (
        "2026-03-01 to 2026-03-31, UTC",
        "received 19 100.0 %",
        "refused: not a frontal view 2 10.5 %",
        "1 film of those screened had an untrained model",
        "Revisions replaced by a later correction: 1.",
        "10 studies of 12 screened were read, 1 of them as unsure",
        "5 / 4 80.0 % (37.6–96.4) 75.0 % (30.1–95.4)",
        "from sender to result 14 17.0 s 28.7 s",
        "ACC7 20260305 15 absent ROOM 2",
    ):
        assert said in words, said


def test_an_empty_period_is_told_in_words(empty: Report) -> None:
    text = render_text(empty)
    words = " ".join(text.split())
    for said in (
        "No film was received in this period.",
        "No film of this period was screened by a trained model.",
        "This period has no deliveries.",
        "No study of this period was read",
        "No film was screened in this period.",
    ):
        assert said in words, said
    assert "nan" not in words.lower()
    assert [list(section.tables) for section in compose_sections(empty)] == [[]] * 8


def test_one_class_of_reads_is_told_in_words(march: Report) -> None:
    agreement = march.total.agreement.model_copy(
        update={"true_negative": 0, "false_positive": 0, "specificity": None}
    )
    one_class = march.model_copy(
        update={"total": march.total.model_copy(update={"agreement": agreement}), "rocs": ()}
    )
    assert "No study was read as not TB: there is no specificity" in " ".join(render_text(one_class).split())


def test_csv_is_one_table_of_numbers(march: Report) -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(march))))
    assert tuple(lines[0]) == COLUMNS
    table = {(line["section"], line["group"], line["figure"]): line for line in lines}
    assert len(table) == len(lines)
    assert table["films", "all films", "received"]["value"] == "19"
    assert table["films", "ROOM 2", "received"]["value"] == "3"
    assert table["turnaround", "all films", "until screened, median"]["value"] == "17000.0"
    sensitivity = table["reads", "all films", "sensitivity"]
    assert float(sensitivity["value"]) == 0.8
    assert 0.375 < float(sensitivity["low"]) < 0.376
    assert table["report", "", "notice"]["value"] == NOTICE


def test_no_name_becomes_a_formula_of_a_spreadsheet(march: Report) -> None:
    group = march.total.model_copy(update={"name": '=HYPERLINK("x")'})
    lines = list(csv.reader(io.StringIO(render_csv(march.model_copy(update={"groups": (group,)})))))
    assert {line[1] for line in lines if "HYPERLINK" in line[1]} == {'\'=HYPERLINK("x")'}


def test_a_name_with_control_sequences_does_not_reach_the_terminal(march: Report) -> None:
    group = march.total.model_copy(update={"name": "ROOM \x1b[31m[red]"})
    text = render_text(march.model_copy(update={"groups": (group,)}))
    assert "\x1b" not in text
    assert "[red]" in text


def test_json_reads_back_as_the_same_report(march: Report) -> None:
    text = march.model_dump_json()
    assert Report.model_validate_json(text) == march
    assert json.loads(text)["notice"] == NOTICE


def test_durations_for_people() -> None:
    written = [
        write_duration(1000 * seconds) for seconds in (0.004, 9.99, 12.34, 100, 200, 3599, 7500, 100000)
    ]
    assert written == [
        "0.00 s", "9.99 s", "12.3 s", "1 min 40 s", "3 min 20 s", "59 min 59 s", "2 h 05 min", "1 d 4 h"
    ]  # fmt: skip
    assert load_catalogue("fr").translate(written[-1]) == "1 j 4 h"
    assert load_catalogue("hi").translate(written[-2]) == "2 घं 05 मि"


def test_a_round_duration_has_one_unit() -> None:
    written = [write_unit(milliseconds) for milliseconds in (1, 100, 1e4, 6e5, 3.6e7, 8.64e8)]
    assert written == ["1 ms", "100 ms", "10 s", "10 min", "10 h", "10 d"]
    assert load_catalogue("fr").translate(written[-1]) == "10 j"
