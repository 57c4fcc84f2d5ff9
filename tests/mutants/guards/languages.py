"""Mutants of the guards of the page's language."""

from typing import Final

from tests.mutants.mutant import Mutant

MUTANTS: Final = (
    Mutant(
        "languages-of-a-header",
        "domain/languages/language.py",
        '.split(",")[:MOST_RANGES]',
        '.split(",")',
        "unit/domain/languages/test_catalogues.py::test_any_accept_language_names_a_language_or_none",
    ),
    Mutant(
        "length-of-accept-language",
        "domain/languages/language.py",
        "header[:LONGEST_HEADER]",
        "header",
        "unit/domain/languages/test_catalogues.py::test_any_accept_language_names_a_language_or_none",
    ),
    Mutant(
        "chosen-language",
        "web/pages/account_page.py",
        "        if chosen and chosen not in LANGUAGES:\n",
        "        if chosen is None:\n",
        "unit/web/test_languages.py::test_the_site_goes_before_the_browser_and_the_user_before_both",
    ),
)
