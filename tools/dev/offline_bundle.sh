#!/usr/bin/env bash
# Builds dist/lumbung-VERSION-PYTHON-PLATFORM.tar.gz: everything that an office without a network needs to install
# lumbung, every wheel under its hash. Then installs it into a new folder without a network, to see that it works.
#   tools/dev/offline_bundle.sh VENV
set -euo pipefail
venv=$1
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$PWD/$venv/bin/python"
version=$("$python" -c 'from importlib.metadata import version; print(version("lumbung"))')
platform=$("$python" -c 'import sys, sysconfig; print(f"py{sys.version_info[0]}{sys.version_info[1]}-{sysconfig.get_platform()}")')
name="lumbung-$version-$platform"
bundle="$work/$name"
mkdir -p "$bundle/wheels" dist

echo "offline-bundle: wheels"
"$python" -m pip download --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    --requirement requirements.txt --dest "$bundle/wheels"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$bundle/wheels" .

own=$(basename "$bundle"/wheels/lumbung-*.whl)
cp requirements.txt "$bundle/requirements.txt"
printf 'lumbung==%s --hash=sha256:%s\n' "$version" "$(sha256sum "$bundle/wheels/$own" | cut -d' ' -f1)" >> "$bundle/requirements.txt"
cp tools/packaging/offline/install.sh LICENSE "$bundle/"
cp docs/installing.en.md docs/installing.id.md "$bundle/"
(cd "$bundle" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS)

echo "offline-bundle: a trial without a network"
# A network namespace of its own has not even a loopback that is up; who may not make one has pip's word alone.
alone=()
if unshare --net true 2>/dev/null; then alone=(unshare --net); fi
PYTHON="$python" "${alone[@]}" "$bundle/install.sh" "$work/trial" > "$work/log" || { cat "$work/log" >&2; exit 1; }
"$work/trial/bin/lumbung" version

tar --create --gzip --file "dist/$name.tar.gz" --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner "$name"
echo "offline-bundle: dist/$name.tar.gz, $(du -h "dist/$name.tar.gz" | cut -f1)"
