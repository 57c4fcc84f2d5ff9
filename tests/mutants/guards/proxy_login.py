"""Mutants of the guards of the login by a reverse proxy."""

from typing import Final

from tests.mutants.mutant import Mutant

TESTS: Final = "unit/web/access/test_proxy_login.py::"

MUTANTS: Final = (
    Mutant(
        "proxy-login-of-another-site",
        "web/access/login.py",
        "        check_intent(request, form, derive_csrf(secret) if secret else make_secret())\n",
        "",
        f"{TESTS}test_a_form_of_another_site_logs_nobody_in",
    ),
    Mutant(
        "proxy-address",
        "web/access/proxy_login.py",
        "            self._is_proxy(find_direct_peer(request))\n            and len(secrets) == 1",
        "            len(secrets) == 1",
        f"{TESTS}test_the_header_is_ignored_from_anyone_else_and_recorded",
    ),
    Mutant(
        "proxy-forwarded-address",
        "web/access/proxy_login.py",
        "self._is_proxy(find_direct_peer(request))",
        "self._is_proxy(find_address(request))",
        f"{TESTS}test_the_header_is_ignored_from_anyone_else_and_recorded",
    ),
    Mutant(
        "proxy-secret",
        "web/access/proxy_login.py",
        "            and is_same(secrets[0], self._secret)\n",
        "",
        f"{TESTS}test_the_header_is_ignored_from_anyone_else_and_recorded",
    ),
    Mutant(
        "proxy-header-twice",
        "web/access/proxy_login.py",
        "if not is_believed or len(named) != 1:",
        "if not is_believed:",
        f"{TESTS}test_a_name_given_twice_is_not_believed",
    ),
    Mutant(
        "proxy-refusal-recorded",
        "web/access/proxy_login.py",
        "            self.audit.record_wrong_proxy(find_address(request))\n",
        "",
        f"{TESTS}test_the_header_is_ignored_from_anyone_else_and_recorded",
    ),
    Mutant(
        "proxy-other-user",
        "web/access/authentication.py",
        "if verified is not None and verified.name != found.user.name:",
        "if verified is not None and not found.user.name:",
        f"{TESTS}test_a_session_ends_when_the_proxy_names_another_user_or_the_user_is_disabled",
    ),
    Mutant(
        "proxy-disabled-user",
        "web/access/proxy_login.py",
        "        if found.user.disabled:\n            return None, None\n",
        "",
        f"{TESTS}test_unknown_and_disabled_users_are_refused",
    ),
    Mutant(
        "proxy-without-group",
        "web/access/proxy_login.py",
        "if not verified.name or (self.settings.groups and role is None):",
        "if not verified.name:",
        f"{TESTS}test_groups_decide_the_role_at_each_login_and_add_users",
    ),
    Mutant(
        "proxy-adds-users",
        "web/access/proxy_login.py",
        "if role is None or not self.settings.create_users:",
        "if role is None:",
        f"{TESTS}test_without_the_setting_no_user_is_added",
    ),
    Mutant(
        "proxy-short-secret",
        "web/access/proxy_login.py",
        "if len(text) < SHORTEST_SECRET or not",
        "if not",
        f"{TESTS}test_a_secret_of_no_use_ends_the_start",
    ),
)
