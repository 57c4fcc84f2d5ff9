#!/usr/bin/env bash
# Installs the viewers in which the tests look at the reports: OHIF, a package of npm with its built pages.
# Says what is missing, and goes on: those tests are then skipped with a reason.
set -u

version=3.13.2
digest=5997719a9986eeba85816f5924b71b82bdd70ad2e2d4a0cd3e831a798e4f3deea3e06e1f8c48e393271933a0ba664d85f3b04ac457e9abe8dde715d907d13c10
target="${XDG_CACHE_HOME:-$HOME/.cache}/tbscreen-tests/ohif-$version"

[ -f "$target/dist/index.html" ] && exit 0
if ! command -v npm >/dev/null 2>&1; then
  echo "npm is not installed: the tests that look at reports in OHIF will be skipped."
  exit 0
fi

echo "Installing OHIF $version for the tests of viewers: 200 MB in $target"
mkdir -p "$(dirname "$target")"
folder=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$folder"' EXIT
if npm pack --silent --pack-destination "$folder" "@ohif/app@$version" >/dev/null &&
  archive=$(ls "$folder"/*.tgz) && echo "$digest  $archive" | sha512sum --check --quiet &&
  tar -xzf "$archive" -C "$folder" --exclude='*.map'; then
  mkdir -p "$target" && mv "$folder/package/dist" "$target/dist"
else
  echo "OHIF could not be installed: the tests that look at reports in it will be skipped."
fi
exit 0
