"""Mutants of the guards of secrets and patient data."""

from typing import Final

from tests.mutants.mutant import Mutant

MUTANTS: Final = (
    Mutant(
        "exception-text",
        "tbscreen/processes/logs.py",
        'line["error"], line["at"] = type(error).__name__, locate(error)',
        'line["error"], line["at"] = repr(error), locate(error)',
        "unit/tbscreen/processes/test_logs.py::test_neither_text_nor_variables_of_an_exception_are_logged",
    ),
    Mutant(
        "settings-url",
        "tbscreen/settings.py",
        'raise PermanentError("\\n".join(map(_explain, error.errors()))) from None',
        "raise PermanentError(str(error)) from None",
        "unit/tbscreen/test_settings.py::test_a_bad_url_is_refused_and_its_password_never_shown",
    ),
    Mutant(
        "session-hash",
        "domain/secret_words.py",
        "    return hashlib.sha256(secret.encode()).hexdigest()\n",
        "    return secret[:64]\n",
        "unit/web/access/test_login.py::test_the_database_holds_no_password_and_no_cookie",
    ),
    Mutant(
        "token-revoked",
        "db/accounts/api_tokens.py",
        "if row is None or row.revoked_at is not None or row.user.disabled:",
        "if row is None or row.user.disabled:",
        "unit/tbscreen/commands/test_users.py::test_a_token_is_shown_once_and_revoked",
    ),
    Mutant(
        "quoting-libraries",
        "dicom_gateway/log_redaction.py",
        "        logger.propagate = False\n",
        "        logger.propagate = True\n",
        "integration/test_log_redaction.py::test_nothing_that_tells_who_a_patient_is_stands_in_any_line",
    ),
    Mutant(
        "monitor-error",
        "db/database.py",
        'super().__init__(f"the database does not answer ({type(error).__name__})")',
        'super().__init__(f"the database does not answer ({error.orig} secret)")',
        "unit/tbscreen/monitoring/test_monitor.py::test_no_monitor_tells_of_a_patient",
    ),
    Mutant(
        "tracing-off",
        "tbscreen/monitoring/tracing.py",
        "    if settings.endpoint is None:\n",
        "    if process is None:\n",
        "unit/tbscreen/monitoring/test_tracing.py::test_tracing_is_off_by_default_and_imports_nothing",
    ),
    Mutant(
        "pickle-import",
        "worker/tasks.py",
        "import random\n",
        "import pickle\nimport random\n",
        "unit/test_house.py::test_nothing_that_can_run_code_is_deserialised",
    ),
    Mutant(
        "eval",
        "worker/tasks.py",
        "    return seconds * random.uniform(0.75, 1.25)\n",
        '    return eval("seconds") * random.uniform(0.75, 1.25)\n',
        "unit/test_house.py::test_no_text_is_run_as_code",
    ),
    Mutant(
        "readable-settings",
        "tbscreen/doctor/settings_checks.py",
        "    if keys:\n",
        "    if keys and not readers:\n",
        "unit/tbscreen/doctor/test_examination.py::test_a_readable_settings_file_with_a_password_is_named",
    ),
    Mutant(
        "host-s-redis",
        "tbscreen/processes/private_redis.py",
        "if os.access(candidate, os.X_OK) and not candidate.is_relative_to(sys.prefix):",
        "if not name:",
        "unit/tbscreen/processes/test_private_redis.py::test_that_of_the_host_is_taken_and_named",
    ),
    Mutant(
        "advisory-libraries",
        "tests/lock_audit.py",
        """    if ecosystem in ("OSS-Fuzz", "Alpine"):\n""",
        "    if not ecosystem:\n",
        "unit/test_lock_audit.py::test_an_advisory_fits_the_libraries_inside_the_packages",
    ),
    Mutant(
        "advisory-versions",
        "tests/lock_audit.py",
        '    if {version, f"v{version}"} & set(affected.get("versions", ())):\n',
        "    if not version:\n",
        "unit/test_lock_audit.py::test_an_advisory_fits_the_versions_that_it_names",
    ),
    Mutant(
        "settings-file-readers",
        "tbscreen/doctor/settings_checks.py",
        "keys = _find_passwords(file) if readers else []",
        "keys: list[str] = []",
        "unit/tbscreen/doctor/test_examination.py::test_a_readable_settings_file_with_a_password_is_named",
    ),
    Mutant(
        "host-redis",
        "tbscreen/processes/private_redis.py",
        "if os.access(candidate, os.X_OK) and not candidate.is_relative_to(sys.prefix):",
        "if os.access(candidate, os.X_OK) and candidate.is_relative_to(sys.prefix):",
        "unit/tbscreen/processes/test_private_redis.py::test_that_of_the_host_is_taken_and_named",
    ),
    Mutant(
        "bundled-libraries",
        "tests/lock_audit.py",
        "findings += find(libraries, advisories, BUNDLED.name)",
        "pass",
        "unit/test_lock_audit.py::test_an_advisory_fits_the_libraries_inside_the_packages",
    ),
)
