"""Mutants of the guards against hostile messages."""

from typing import Final

from tests.mutants.mutant import Mutant

REQUEST: Final = "domain/screening_request.py"
HOSTILE: Final = "integration/worker/test_hostile_messages.py::test_a_worker_runs_nothing_that_is_sent_to_it_and_screens_on"

MUTANTS: Final = (
    Mutant(
        "message-pickle",
        "worker/app.py",
        'accept_content=["msgpack"],',
        'accept_content=["msgpack", "pickle"],',
        "unit/worker/test_app.py::test_only_msgpack_is_decoded",
    ),
    Mutant(
        "message-envelope",
        "worker/celery_repairs/broker_channel.py",
        "except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:",
        "except KeyboardInterrupt as error:",
        "integration/worker/test_celery_repairs.py::"
        "test_an_item_that_is_no_message_ends_a_worker_of_celery_s_and_not_ours",
    ),
    Mutant(
        "message-number",
        REQUEST,
        "        if type(instance_id) is not int or not 0 < instance_id < 2**63:\n",
        "        if not instance_id:\n",
        "unit/domain/test_screening_request.py::test_field_of_the_wrong_type_or_size_is_malformed",
    ),
    Mutant(
        "message-array-size",
        REQUEST,
        "if not isinstance(content, bytes) or len(content) != expected:",
        "if not isinstance(content, bytes):",
        "unit/domain/test_screening_request.py::test_field_of_the_wrong_type_or_size_is_malformed",
    ),
    Mutant(
        "message-log-line",
        REQUEST,
        " and value.isprintable()",
        "",
        "unit/domain/test_screening_request.py::test_field_of_the_wrong_type_or_size_is_malformed",
    ),
    Mutant(
        "message-array-values",
        REQUEST,
        "if not bool(np.all((array >= 0.0) & (array <= 1.0))):",
        "if not array.size:",
        "unit/domain/test_screening_request.py::test_array_with_a_value_outside_0_to_1_is_malformed",
    ),
    Mutant(
        "other-task",
        "worker/tasks.py",
        "    @app.task(  # type: ignore[untyped-decorator]\n",
        '    app.task(name="worker.tasks.other")(print)\n\n    @app.task(  # type: ignore[untyped-decorator]\n',
        "unit/worker/test_app.py::test_the_one_task_is_registered_under_its_public_name",
    ),
    Mutant(
        "remote-control",
        "worker/app.py",
        "worker_enable_remote_control=False,",
        "worker_enable_remote_control=True,",
        HOSTILE,
    ),
    Mutant(
        "flushed-broker",
        "db/films/films.py",
        "        Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]),\n        Instance.due_at <= bindparam(",
        "        Instance.state.in_([FilmState.RECEIVED]),\n        Instance.due_at <= bindparam(",
        "integration/test_distributed.py::test_a_flushed_broker_loses_no_film",
    ),
    Mutant(
        "result-in-redis",
        "worker/app.py",
        "task_ignore_result=True,",
        'task_ignore_result=False,\n        result_backend=broker_url.replace("+socket", ""),',
        "integration/worker/test_hostile_messages.py::"
        "test_a_result_that_an_attacker_puts_into_redis_is_nobody_s",
    ),
    Mutant(
        "array-of-another-film",
        "db/films/screenings.py",
        "    return key is not None and key != name_film(sop_instance_uid)\n",
        "    return False\n",
        "unit/db/films/test_screenings.py::test_an_array_of_another_film_is_not_screened_as_this_one",
    ),
    Mutant(
        "device-socket-folder",
        "worker/batches/device_keeper.py",
        'self._folder = Path(tempfile.mkdtemp(prefix="tbscreen-device-"))',
        'self._folder = Path(tempfile.mkdtemp(prefix="tbscreen-device-")); self._folder.chmod(0o755)',
        "unit/worker/batches/test_device_keeper.py::"
        "test_a_device_process_ends_with_its_worker_and_holds_none_of_its_files",
    ),
)
