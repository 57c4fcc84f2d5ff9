"""The dossier: what a ministry, an ethics board or an assessor asks for, in one PDF and one folder.

- `documents`: the documents of tbscreen that go into it.
- `bill_of_materials`: the installed packages as CycloneDX.
- `dossier_page`: the PDF's sections.
- `dossier_folder`: the folder, with a list of its files and their digests.

Everything in it comes from what is there: the active bundle, the database, the settings, the installed
packages.
"""
