"""Mutants of the guards of notices."""

from typing import Final

from tests.mutants.mutant import Mutant

MUTANTS: Final = (
    Mutant(
        "notice-patient-fields",
        "notices/notice_content.py",
        "patient = {field.value: _clean(film.read(field.value)) for field in fields}",
        "patient = {field.value: _clean(film.read(field.value)) for field in PatientField}",
        "unit/notices/test_webhook.py::test_a_high_finding_arrives_once_signed_and_without_patient_data",
    ),
    Mutant(
        "notice-signature-without-body",
        "notices/signature.py",
        'signed = str(timestamp).encode("ascii") + b"." + body',
        'signed = str(timestamp).encode("ascii") + b"."',
        "unit/notices/test_webhook.py::test_a_high_finding_arrives_once_signed_and_without_patient_data",
    ),
    Mutant(
        "notice-short-secret",
        "notices/secrets.py",
        "if len(text) < shortest or not text.isprintable():",
        "if not text.isprintable():",
        "unit/notices/test_webhook.py::test_a_missing_secret_lets_notices_wait_and_nothing_unsigned_is_sent",
    ),
    Mutant(
        "notice-certificate",
        "notices/notice_attempt.py",
        "    context.minimum_version = ssl.TLSVersion.TLSv1_2\n",
        "    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE\n",
        "unit/notices/test_webhook.py::test_no_notice_goes_to_a_server_without_the_right_certificate",
    ),
    Mutant(
        "notice-plain-http",
        "notices/notice_settings.py",
        'if place.scheme == "http" and not is_own(place.hostname):',
        'if place.scheme == "http" and not place.hostname:',
        "unit/notices/test_notice_settings.py::test_mistakes_are_refused",
    ),
    Mutant(
        "notice-starttls",
        "notices/mail.py",
        "                if mail.security is MailSecurity.STARTTLS:\n",
        '                if client.has_extn("starttls"):\n',
        "integration/notices/test_mail.py::test_a_server_that_offers_no_encryption_gets_nothing",
    ),
    Mutant(
        "notice-forbidden-address",
        "notices/permitted_address.py",
        "        if is_forbidden(str(place[0])):\n",
        "        if is_forbidden(host):\n",
        "unit/notices/test_webhook.py::test_a_name_that_leads_to_a_metadata_service_gets_nothing",
    ),
    Mutant(
        "notice-mapped-address",
        "notices/permitted_address.py",
        "inner = found.ipv4_mapped or found.sixtofour",
        "inner = found.sixtofour",
        "unit/notices/test_webhook.py::test_metadata_services_and_link_local_addresses_are_forbidden",
    ),
    Mutant(
        "notice-redirect",
        "notices/webhook.py",
        "if 200 <= status < 300:",
        "if 200 <= status < 400:",
        "unit/notices/test_webhook.py::test_a_redirect_is_not_followed",
    ),
    Mutant(
        "notice-control-characters",
        "notices/notice_content.py",
        'character if character.isprintable() else " " for character in text',
        "character for character in text",
        "integration/notices/test_mail.py::test_a_high_finding_is_an_e_mail_encrypted_and_without_patient_data",
    ),
    Mutant(
        "notice-dripping",
        "notices/notice_attempt.py",
        "connected.shutdown(socket.SHUT_RDWR)",
        "connected.gettimeout()",
        "unit/notices/test_webhook.py::test_a_server_that_drips_its_answer_is_cut_off",
    ),
    Mutant(
        "notice-twice",
        "db/notices/notice_events.py",
        "        row.told_at = now()\n",
        "        row.occurred_at = now()\n",
        "unit/notices/test_notice_round.py::test_two_couriers_tell_an_event_once",
    ),
    Mutant(
        "notice-own-identifier",
        "notices/webhook.py",
        '"Idempotency-Key": str(content["id"]),',
        '"Idempotency-Key": str(timestamp) + secret[:0] + str(time.monotonic()),',
        "integration/notices/test_notice_courier_killed.py::"
        "test_a_notice_that_a_killed_courier_had_not_recorded_comes_again_under_its_key",
    ),
)
