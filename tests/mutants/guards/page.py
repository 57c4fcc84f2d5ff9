"""Mutants of the guards of the page and of REST."""

from typing import Final

from tests.mutants.mutant import Mutant

LOGIN: Final = "web/access/login.py"
AUTHENTICATION: Final = "web/access/authentication.py"
ATTEMPTS: Final = "db/accounts/login_attempts.py"
TESTS: Final = "unit/web/access/test_login.py::"
APPLICATION: Final = "unit/web/test_application.py::"

MUTANTS: Final = (
    Mutant(
        "pause-by-name",
        LOGIN,
        'Subject(f"user:{hash_secret(name)}", FREE_FOR_USER, LONGEST_FOR_USER)',
        'Subject(f"user:{hash_secret(name)}", 10**6, LONGEST_FOR_USER)',
        TESTS + "test_who_fails_in_a_user_s_name_waits",
    ),
    Mutant(
        "pause-by-address",
        LOGIN,
        "FREE_FOR_ADDRESS, LONGEST_FOR_ADDRESS)",
        "10**6, LONGEST_FOR_ADDRESS)",
        TESTS + "test_one_address_that_tries_many_names_waits",
    ),
    Mutant(
        "ipv6-network",
        LOGIN,
        "ipaddress.ip_network((parsed, 64), strict=False)",
        "parsed",
        TESTS + "test_a_caller_s_ipv6_addresses_are_one",
    ),
    Mutant(
        "count-before",
        ATTEMPTS,
        "found = session.get(LoginAttempt, key, with_for_update=True, populate_existing=True)",
        "found = session.get(LoginAttempt, key)",
        "unit/db/accounts/test_users.py::test_attempts_at_once_are_not_more_than_one_by_one",
    ),
    Mutant(
        "names-while-waiting",
        ATTEMPTS,
        "if not row.failures:  # else",
        "if row.failures < 0:  # else",
        TESTS + "test_what_is_typed_while_waiting_is_not_kept",
    ),
    Mutant(
        "same-answer",
        LOGIN,
        "        if answer is None:\n            return self._show_form(request, WRONG, wanted, status=401)\n",
        "        if answer is None:\n            return self._show_form(request, WRONG + name, wanted, status=401)\n",
        TESTS + "test_a_wrong_pair_is_told_the_same_whoever_it_is",
    ),
    Mutant(
        "same-time",
        "web/access/passwords.py",
        "    with _SLOTS:\n        try:\n",
        "    if password_hash is None:\n        return False\n    with _SLOTS:\n        try:\n",
        TESTS + "test_an_unknown_user_s_password_is_hashed_like_a_known_one_s",
    ),
    Mutant(
        "pause-in-account",
        "web/pages/account_page.py",
        "        if pause is not None:\n",
        "        if pause is not None and pause.days:\n",
        TESTS + "test_who_waits_is_told_so_when_changing_the_password",
    ),
    Mutant(
        "planted-session",
        LOGIN,
        "        secret = make_secret()\n        with self.database.write() as session:\n",
        "        secret = request.cookies.get(name_cookie(request)) or make_secret()\n"
        "        with self.database.write() as session:\n",
        TESTS + "test_a_session_that_an_attacker_planted_is_not_the_one_that_logs_in",
    ),
    Mutant(
        "planted-session-of-another",
        LOGIN,
        "            self._end_former(session, request)\n",
        "",
        TESTS + "test_a_session_that_an_attacker_planted_is_not_the_one_that_logs_in",
    ),
    Mutant(
        "planted-session-kept",
        LOGIN,
        '        _set_cookie(request, response, "session", answer, int(self.lifetime.total_seconds()))\n',
        "        if not request.cookies.get(name_cookie(request)):\n"
        '            _set_cookie(request, response, "session", answer, int(self.lifetime.total_seconds()))\n',
        TESTS + "test_a_session_that_an_attacker_planted_is_not_the_one_that_logs_in",
    ),
    Mutant(
        "session-age",
        "db/accounts/web_sessions.py",
        "if row is None or row.expires_at <= moment or row.used_at + idle <= moment or row.user.disabled:",
        "if row is None or row.user.disabled:",
        TESTS + "test_a_session_ends_by_rest_and_by_age",
    ),
    Mutant(
        "cookie-httponly",
        LOGIN,
        "httponly=True",
        "httponly=False",
        TESTS + "test_the_cookie_is_for_this_page_alone",
    ),
    Mutant(
        "cookie-host",
        AUTHENTICATION,
        "{'__Host-' if request.url.scheme == 'https' else ''}",
        "",
        TESTS + "test_the_cookie_is_for_this_page_alone",
    ),
    Mutant(
        "csrf",
        AUTHENTICATION,
        " or not is_same(given, csrf):",
        ":",
        TESTS + "test_nothing_changes_without_the_word_that_the_page_carries",
    ),
    Mutant(
        "csrf-on-login",
        AUTHENTICATION,
        'if site not in ("same-origin", "none") or not',
        "if not",
        TESTS + "test_a_login_form_of_another_site_is_refused",
    ),
    Mutant(
        "open-redirect",
        LOGIN,
        ' and not wanted.startswith("//") and',
        " and",
        TESTS + "test_the_way_back_never_leads_elsewhere",
    ),
    Mutant(
        "role",
        AUTHENTICATION,
        "if permission is not None and not visit.user.may(permission):",
        "if visit.user.disabled:",
        TESTS + "test_a_role_opens_its_own_pages",
    ),
    Mutant(
        "token-scope",
        "web/access/bearer.py",
        "if not token.may(permission):",
        "if not token.scopes:",
        "unit/web/rest/test_rest.py::test_a_token_allows_what_it_says_and_its_user_may",
    ),
    Mutant(
        "escaped-pages",
        "web/pages/pages.py",
        "        environment = self._templates.env\n",
        "        environment = self._templates.env\n        environment.autoescape = False\n",
        APPLICATION + "test_hostile_names_are_text_not_markup",
    ),
    Mutant(
        "framing",
        "web/response_headers.py",
        "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\"",
        "frame-src 'self'; base-uri 'none'; form-action 'self'\"",
        APPLICATION + "test_answers_carry_security_headers",
    ),
    Mutant(
        "typst-files",
        "reports/pdf_form.py",
        "root=TEMPLATE.parent, ",
        'root="/", ',
        "unit/reports/test_pages.py::test_a_template_reads_no_file_outside_its_folder",
    ),
    Mutant(
        "bound-parameter",
        "db/worklist/worklist_conditions.py",
        "        or_(*(func.substr(column, 1, len(prefix)) == prefix for column in columns)),\n",
        """        or_(*(literal_column(f"substr({column.key}, 1, {len(prefix)}) = '{prefix}'") for column in columns)),\n""",
        APPLICATION + "test_what_is_typed_is_never_sql",
    ),
    Mutant(
        "host-name",
        "web/application.py",
        "allowed_hosts=settings.served_names",
        'allowed_hosts=["*"]',
        APPLICATION + "test_a_foreign_host_name_is_refused",
    ),
    Mutant(
        "forwarded-for",
        "web/server.py",
        "forwarded_allow_ips=list(settings.trusted_proxies),",
        'forwarded_allow_ips="*",',
        "unit/web/test_server.py::test_only_a_named_proxy_is_believed",
    ),
    Mutant(
        "static-folder",
        "web/application.py",
        "StaticFiles(directory=STATIC)",
        "StaticFiles(directory=STATIC.parent)",
        APPLICATION + "test_static_files_are_those_of_their_folder",
    ),
    Mutant(
        "body-size",
        AUTHENTICATION,
        "            if len(body) > largest:\n",
        "            if len(body) < 0:\n",
        TESTS + "test_a_form_is_small_and_a_form",
    ),
    Mutant(
        "two-lengths",
        "web/application.py",
        "            Middleware(RequestFraming),\n",
        "",
        "unit/web/test_server.py::test_a_request_whose_body_has_two_lengths_is_refused_and_its_connection_closed",
    ),
    Mutant(
        "comment-nul",
        "web/rest/rest.py",
        """if value is not None and "\\0" in value:  # PostgreSQL""",
        "if value is not None and len(value) < 0:  # PostgreSQL",
        "unit/web/rest/test_rest.py::test_what_is_no_read_is_refused",
    ),
    Mutant(
        "one-report",
        "tbscreen/processes/report_page.py",
        "if not one_at_a_time.acquire(blocking=False):",
        "if not one_at_a_time.acquire(blocking=False) and one_at_a_time is None:",
        "unit/web/pages/test_report_page.py::test_a_second_report_at_the_same_time_is_refused_at_once",
    ),
    Mutant(
        "audit-of-passwords",
        "web/pages/account_page.py",
        "        self.audit.record_password_change(name, find_address(visit.request), is_right=True)\n",
        "",
        "unit/tbscreen/processes/test_page_audit.py::test_changed_passwords_and_wrong_tokens_are_recorded",
    ),
    Mutant(
        "audit-of-tokens",
        "web/access/bearer.py",
        "            self.audit.record_wrong_token(address)\n",
        "            pass\n",
        "unit/tbscreen/processes/test_page_audit.py::test_changed_passwords_and_wrong_tokens_are_recorded",
    ),
    Mutant(
        "slow-request",
        "web/request_deadline.py",
        "            self.transport.close()\n",
        "            pass\n",
        "unit/web/test_server.py::test_a_request_that_does_not_come_in_time_is_cut_off",
    ),
    Mutant(
        "requests-a-minute",
        "web/access/rate_limit.py",
        "            if level < 1.0:\n",
        "            if level < -1e9:\n",
        "unit/web/rest/test_rest.py::test_who_asks_too_often_waits",
    ),
)
