#!/usr/bin/env bash
# Installs the real servers and tools that the tests run as separate processes, from Debian's packages.
# Says what is missing, and goes on, where it may not install: those tests are then skipped with a reason.
set -u

declare -A package_of=(
  [redis-server]=redis-server
  [Orthanc]=orthanc
  [exim4]=exim4-daemon-light
  [dcmdump]=dcmtk
  [dciodvfy]=dicom3tools
  [chromium]=chromium
  [ip]=iproute2
  [java]=default-jre-headless
)

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/bin/$1" ] || [ -x "/usr/sbin/$1" ]; }
have_dicomweb() { [ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ]; }
have_pixelmed() { [ -e /usr/share/java/pixelmed.jar ]; }
have_postgresql() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
have_dicomweb() { [ -f /usr/share/orthanc/plugins/libOrthancDicomWeb.so ]; }

missing() {
  for program in "${!package_of[@]}"; do
    have "$program" || echo "${package_of[$program]}"
  done
  have_postgresql || echo postgresql
  have_dicomweb || echo orthanc-dicomweb
  have_pixelmed || echo libpixelmed-java
}

wanted=$(missing | sort -u | tr '\n' ' ')
[ -z "${wanted// /}" ] && exit 0

sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="no"; fi
fi
if [ "$sudo" = "no" ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing for the integration tests: $wanted"
  echo "This user may not install packages. Ask an administrator for: apt-get install $wanted"
  echo "The tests that need them will be skipped."
  exit 0
fi

echo "Installing for the integration tests: $wanted"
# Debian starts a server as soon as it is installed; the tests start their own, on free ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '$sudo rm -f "$policy"' EXIT  # also when this is interrupted
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null && $sudo chmod 755 "$policy"
fi
$sudo apt-get update -qq
# shellcheck disable=SC2086  # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null

still=$(missing | sort -u | tr '\n' ' ')
[ -z "${still// /}" ] || echo "Could not be installed: $still — the tests that need them will be skipped."
exit 0
