"""The options that several commands of `tbscreen study` share."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from tbscreen.terminal.day_options import day_option

Name = Annotated[str | None, typer.Argument(help="The study; by default the newest.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Prevalence = Annotated[
    float, typer.Option(min=0.0001, max=0.9999, help="Expected share of TB among the people screened.")
]
HalfWidth = Annotated[
    float,
    typer.Option(min=0.005, max=0.3, help="Wanted half width of the 95 % interval of the sensitivity."),
]
Results = Annotated[
    float, typer.Option(min=0.05, max=1.0, help="Expected share of the tests that give a result.")
]
First = Annotated[
    date | None, day_option("--from", help="Plan on films received from this day on; by default a year.")
]
Shares = Annotated[
    str | None,
    typer.Option(
        help="Share of people to test in each score band, lowest first, such as 0.1,0.2,0.5,1; by default by "
        "the expected share of TB.",
        metavar="LIST",
    ),
]

Sensitivity = Annotated[
    float | None,
    typer.Option(
        min=0.5,
        max=0.99,
        help="Sensitivity that the threshold must have; by default 0.9, or none where --referred is given.",
        show_default=False,
    ),
]
Referred = Annotated[
    float | None,
    typer.Option(min=0.01, max=1.0, help="Largest share of people whom the programme can test."),
]
ByGroup = Annotated[
    bool,
    typer.Option(
        "--by-group",
        help="Also choose thresholds by age and sex, where enough people of a group were tested.",
    ),
]
ByStation = Annotated[
    bool,
    typer.Option(
        "--by-station", help="Stations were sampled, not people: intervals cover their differences."
    ),
]
