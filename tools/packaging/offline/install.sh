#!/usr/bin/env bash
# Installs lumbung from this folder, without a network. / Memasang lumbung dari folder ini, tanpa jaringan.
#   ./install.sh [FOLDER]      default: /opt/lumbung
# PYTHON=python3.12 ./install.sh chooses the Python; it must be the version in this bundle's name.
set -euo pipefail
target=${1:-/opt/lumbung}
case $target in /*) ;; *) target=$PWD/$target ;; esac
cd "$(dirname "$0")"

fail() { # English, Bahasa Indonesia
    case ${LUMBUNG_LANG:-id} in en) echo "install: $1" >&2 ;; *) echo "install: $2" >&2 ;; esac
    exit 1
}

sha256sum --quiet --check SHA256SUMS \
    || fail "a file of this bundle is damaged: copy it again" "ada berkas paket ini yang rusak: salin lagi"
python=${PYTHON:-python3}
command -v "$python" > /dev/null || fail "no $python here" "$python tidak ada di sini"
"$python" -c 'import ensurepip, venv' 2> /dev/null \
    || fail "$python has no venv (Debian: install python3-venv)" "$python tanpa venv (Debian: pasang python3-venv)"
tag=$("$python" -c 'import sys; print(f"py{sys.version_info[0]}{sys.version_info[1]}")')
case $(basename "$PWD") in
    *-"$tag"-*) ;;
    *) fail "this bundle is for another Python than $tag" "paket ini untuk Python lain, bukan $tag" ;;
esac

# In a folder of its own, then one rename of a link: whatever breaks, the link names the old lumbung or the new one.
[ ! -e "$target" ] || [ -L "$target" ] || fail "$target is a folder, a link was expected" "$target adalah folder, seharusnya tautan"
version=$(basename "$PWD")
version=${version#lumbung-}
fresh=$target-${version%%-*}
if [ ! -e "$fresh/complete" ]; then
    rm -rf "$fresh"
    "$python" -m venv "$fresh"
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links wheels \
        --only-binary :all: --require-hashes --requirement requirements.txt \
        || fail "pip refused a wheel: copy the bundle again" "pip menolak sebuah wheel: salin lagi paket ini"
    touch "$fresh/complete"
fi
ln -sfn "$fresh" "$target.next"
mv -T "$target.next" "$target"
case ${LUMBUNG_LANG:-id} in
    en) echo "lumbung is installed: $target/bin/lumbung. Next: $target/bin/lumbung doctor --config FILE" ;;
    *) echo "lumbung terpasang: $target/bin/lumbung. Berikutnya: $target/bin/lumbung doctor --config BERKAS" ;;
esac
