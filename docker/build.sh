#!/usr/bin/env bash
# Builds the images gateway, courier, web and worker-cpu with podman.
#
#   BASE=localhost/some-debian docker/build.sh      on a base image of your own
#   docker/build.sh                                 on one that debootstrap makes, for hosts without a registry
#
# PYTHON has setuptools and makes the application's wheel; FLAGS are further flags of `podman build`; RUNTIME is
# podman's OCI runtime.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
BASE=${BASE:-}
RUNTIME=${RUNTIME:-runc}
FLAGS=${FLAGS:---isolation chroot --network host}
SUITE=bookworm
context=build/images
mkdir -p "$context/wheels" "$context/application"

if [ -z "$BASE" ]; then
    BASE=localhost/tbscreen-base
    if ! podman image exists "$BASE"; then
        echo "Making $BASE with debootstrap …"
        command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap"; exit 1; }
        root=$(mktemp -d)
        trap 'rm -rf "$root"' EXIT
        debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,libfribidi0 "$SUITE" "$root" > build/debootstrap.log \
            || { tail -5 build/debootstrap.log; exit 1; }
        rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/*
        tar -C "$root" -c . | podman import --change CMD=/bin/bash - "$BASE" > /dev/null
    fi
fi

echo "Fetching the pinned wheels …"
cp requirements/service.lock requirements/worker.lock "$context/"
# The base's own Python says which wheels it needs. It asks the index that this host's pip asks.
configuration=()
for file in /etc/pip.conf /etc/ssl/certs /etc/resolv.conf /etc/hosts; do
    [ -e "$file" ] && configuration+=(--volume "$file:$file:ro")
done
for name in $(compgen -e | grep -E '^PIP_|_proxy$|_PROXY$|^SSL_CERT_'); do
    configuration+=(--env "$name")
done
# A host that is a container itself may not raise its limits, which podman would.
limits=(--ulimit nofile=4096:4096 --ulimit nproc=4096:4096)
podman run --rm --runtime "$RUNTIME" --network host "${limits[@]}" "${configuration[@]}" --volume "$PWD/$context:/context" "$BASE" \
    bash -c 'set -e
        python3 -m venv /tmp/fetch
        for lock in service worker; do
            /tmp/fetch/bin/pip download --quiet --no-deps --require-hashes --only-binary :all: \
                --dest /context/wheels --requirement "/context/$lock.lock"
        done' 2> >(grep -v "is ignored: it is neither" >&2)
rm -f "$context"/application/*.whl
rm -rf build/lib build/bdist.*  # modules that have moved since would be in the wheel, too
"$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --wheel-dir "$context/application" . 2> >(grep -v "is ignored: it is neither" >&2)

for target in gateway courier web worker-cpu; do
    echo "Building tbscreen-$target …"
    # shellcheck disable=SC2086  FLAGS are several words
    podman build $FLAGS --quiet --format docker --layers --build-arg "BASE=$BASE" --target "$target" \
        --tag "localhost/tbscreen-$target" --file docker/Dockerfile "$context" > /dev/null
done
podman images --format '{{.Repository}}  {{.Size}}' | grep localhost/tbscreen-
