"""Mutants of the guards against hostile bundles, weights and backups, and of the dossier."""

from typing import Final

from tests.mutants.mutant import Mutant

BUNDLE: Final = "domain/bundle/bundle.py"
WEIGHTS: Final = "networks/weights_file.py"
BACKUP_FILE: Final = "tbscreen/backup/backup_file.py"
BACKUP: Final = "unit/tbscreen/backup/test_backup.py::"
DOSSIER: Final = "unit/tbscreen/dossier/test_dossier.py::"
WEIGHTS_TEST: Final = (
    "unit/networks/test_weights_file.py::test_weights_that_are_more_than_numbers_of_their_own_are_refused"
)

MUTANTS: Final = (
    Mutant(
        "graph-layers",
        "domain/bundle/graph_structure.py",
        "        return name in ALLOWED_LAYERS\n",
        "        return True\n",
        "unit/domain/bundle/test_graph_structure.py::test_a_graph_that_does_more_than_compute_is_refused",
    ),
    Mutant(
        "bundle-link",
        BUNDLE,
        "if path.is_symlink() or not path.is_file()",
        "if not path.is_file()",
        "unit/domain/bundle/test_bundle.py::test_a_symbolic_link_in_place_of_a_file_is_refused",
    ),
    Mutant(
        "registered-path",
        "worker/bundle_cache.py",
        "if not re.fullmatch(FILE_NAME, name):",
        "if not name:",
        "unit/worker/test_bundle_cache.py::test_a_registered_name_that_is_a_path_is_not_written",
    ),
    Mutant(
        "bundle-digest",
        BUNDLE,
        "if _hash_file(path) != expected:",
        "if not _hash_file(path):",
        "unit/domain/bundle/test_bundle.py::test_one_changed_byte_is_noticed",
    ),
    Mutant(
        "weights-link",
        WEIGHTS,
        "if not isinstance(group.get(name, getlink=True), h5py.HardLink):",
        "if not name:",
        WEIGHTS_TEST,
    ),
    Mutant(
        "weights-external",
        WEIGHTS,
        "elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:",
        "elif not isinstance(item, h5py.Dataset):",
        WEIGHTS_TEST,
    ),
    Mutant(
        "weights-size",
        WEIGHTS,
        "if total > MAX_FILE_BYTES:",
        "if total < 0:",
        WEIGHTS_TEST,
    ),
    Mutant(
        "weights-finite",
        WEIGHTS,
        """if item.dtype.kind == "f" and not bool(np.all(np.isfinite(item[()]))):""",
        "if not item.dtype.kind:",
        "unit/networks/test_weights_file.py::test_weights_that_are_not_finite_are_refused",
    ),
    Mutant(
        "finite-inside",
        "worker/network_examination.py",
        "    if found:\n",
        "    if found and not found[0]:\n",
        "unit/worker/test_network_examination.py::test_infinity_within_a_network_with_plausible_scores_is_seen",
    ),
    Mutant(
        "layer-size",
        "domain/bundle/graph_structure.py",
        "            if not abs(number) <= LARGEST_NUMBER:\n",
        "            if not abs(number) >= 0:\n",
        "unit/domain/bundle/test_graph_structure.py::test_a_layer_without_bounds_is_refused",
    ),
    Mutant(
        "examination-memory",
        "tbscreen/models/examination.py",
        "    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))\n",
        "    assert allowed\n",
        "unit/tbscreen/models/test_examination.py::"
        "test_a_network_that_takes_more_memory_than_allowed_is_refused",
    ),
    Mutant(
        "examination-time",
        "tbscreen/models/examination.py",
        "deadline = threading.Timer(limits.deadline_s, end)",
        "deadline = threading.Timer(600.0, end)",
        "unit/tbscreen/models/test_examination.py::test_an_examination_ends_in_time",
    ),
    Mutant(
        "one-score-for-all",
        "tbscreen/models/films_at_hand.py",
        "if len(ours) >= FEWEST_FILMS and np.ptp(ours) == 0:",
        "if not len(ours):",
        "unit/tbscreen/models/test_films_at_hand.py::test_a_network_with_one_score_for_all_films_is_refused",
    ),
    Mutant(
        "golden-scores",
        "domain/bundle/seal.py",
        "    if not furthest <= TOLERANCE:\n",
        "    if not furthest <= 1.0:\n",
        "unit/tbscreen/commands/test_bundle_admission.py::"
        "test_a_bundle_that_gives_other_scores_than_its_seal_is_not_added",
    ),
    Mutant(
        "golden-scores-in-worker",
        "domain/bundle/seal.py",
        "    if not furthest <= TOLERANCE:\n",
        "    if not furthest <= 1.0:\n",
        "unit/worker/test_screener.py::test_a_bundle_that_does_not_give_its_golden_scores_screens_no_film",
    ),
    Mutant(
        "golden-scores-of-graph",
        "worker/prepared_network.py",
        "            check_golden_scores(facts.scores, golden_scores)\n",
        "            list(golden_scores)\n",
        "unit/worker/test_prepared_network.py::test_a_graph_with_other_scores_than_the_bundles_is_not_used",
    ),
    Mutant(
        "golden-scores-of-graph-in-predict",
        "tbscreen/models/prediction.py",
        "seal.golden_scores if seal else ()\n",
        "()\n",
        "unit/tbscreen/models/test_prediction.py::"
        "test_a_graph_that_only_says_to_be_the_shipped_network_is_not_used",
    ),
    Mutant(
        "graph-of-another-user",
        "worker/prepared_network.py",
        "path.stat().st_uid in (0, os.geteuid())",
        "path.exists()",
        "unit/worker/test_prepared_network.py::test_a_graph_of_another_user_is_not_looked_for",
    ),
    Mutant(
        "damaged-graph",
        "worker/prepared_network.py",
        "hash_file(folder / name) != digest:\n",
        "not (folder / name).exists():\n",
        "unit/worker/test_prepared_network.py::test_a_graph_is_made_once_and_a_damaged_one_anew",
    ),
    Mutant(
        "unknown-maker",
        "tbscreen/models/trust.py",
        "    if reason is None:\n",
        "    if reason is None and not digest:\n",
        "unit/tbscreen/commands/test_bundle_admission.py::"
        "test_a_bundle_is_used_for_a_reason_that_is_recorded_or_not_at_all",
    ),
    Mutant(
        "signature",
        "tbscreen/models/signing.py",
        "    except InvalidSignature:\n        return False\n",
        "    except InvalidSignature:\n        return True\n",
        "unit/tbscreen/commands/test_bundle_admission.py::test_a_forged_seal_is_no_signature",
    ),
    Mutant(
        "revoked-key",
        "tbscreen/models/trust.py",
        " if key.revoked_at is None}",
        "}",
        "unit/tbscreen/commands/test_bundle_admission.py::"
        "test_a_bundle_is_trusted_as_long_as_the_key_that_signed_it",
    ),
    Mutant(
        "shipped-digest",
        "tbscreen/models/default_bundle.py",
        "    return seal if seal.bundle == digest else None\n",
        "    return seal\n",
        "unit/tbscreen/models/test_default_bundle.py::test_another_bundle_in_its_place_is_not_activated",
    ),
    Mutant(
        "private-key-mode",
        "tbscreen/models/signing.py",
        "    if path.stat().st_mode & 0o077:\n",
        "    if path.stat().st_mode & 0:\n",
        "unit/tbscreen/commands/test_bundle_admission.py::test_a_private_key_that_cannot_be_used_is_one_clear_line",
    ),
    Mutant(
        "backup-members",
        BACKUP_FILE,
        "if found != expected or set(self._archive.namelist()) != {MANIFEST, *map(_member, expected)}:",
        "if found != expected:",
        BACKUP + "test_an_archive_that_was_made_to_do_harm_is_refused",
    ),
    Mutant(
        "backup-sizes",
        BACKUP_FILE,
        "if any(entry.bytes != sizes[name] for name, entry in self.manifest.tables.items()):",
        "if not sizes:",
        BACKUP + "test_an_archive_that_was_made_to_do_harm_is_refused",
    ),
    Mutant(
        "backup-damaged",
        BACKUP_FILE,
        "except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, msgpack.UnpackException) as error:",
        "except KeyboardInterrupt as error:",
        BACKUP + "test_a_damaged_backup_is_refused_before_anything_is_touched",
    ),
    Mutant(
        "backup-secrets",
        "tbscreen/backup/creation.py",
        ', exclude={"database_url", "broker_url"})',
        ")",
        BACKUP + "test_no_secret_is_in_a_backup",
    ),
    Mutant(
        "backup-sessions",
        "db/backup/table_rows.py",
        'frozenset({"web_sessions", ',
        "frozenset({",
        BACKUP + "test_who_was_logged_in_is_not_any_more",
    ),
    Mutant(
        "pretrained-pickle",
        "training/learning/lite0_weights.py",
        "np.load(file, allow_pickle=False)",
        "np.load(file, allow_pickle=True)",
        "unit/training/learning/test_lite0.py::test_nothing_in_a_weights_file_is_run",
    ),
    Mutant(
        "backup-row-arrays",
        "tbscreen/backup/backup_file.py",
        "max_array_len=len(entry.columns),",
        "",
        "unit/tbscreen/backup/test_backup.py::test_a_row_that_swells_in_memory_is_refused_before_it_does",
    ),
    Mutant(
        "backup-tables",
        "tbscreen/backup/backup_file.py",
        "if found != expected or set(",
        "if not expected or not set(",
        "unit/tbscreen/backup/test_backup.py::test_tables_and_columns_of_other_names_are_refused",
    ),
    Mutant(
        "dossier-document",
        "tbscreen/dossier/documents.py",
        '    Document("robustness.md", "docs/developer/robustness.md", "Hostile and damaged films"),\n',
        "",
        DOSSIER + "test_a_dossier_is_written_from_the_installation",
    ),
    Mutant(
        "dossier-other-bundle",
        "tbscreen/dossier/dossier_folder.py",
        "        if entry.bundle_digest == active.digest\n",
        "",
        DOSSIER + "test_the_study_of_another_bundle_is_not_that_of_the_active_one",
    ),
)
