#!/bin/sh
# Installs Weir: takes the archive for this machine from a release, checks its sum, and puts the executable in place.
#
#   sh install.sh [--version VERSION] [--to FOLDER] [--from URL]
#
# VERSION is the newest one unless given; FOLDER is /usr/local/bin, or ~/.local/bin where that cannot be written. URL is
# where the releases are (or WEIR_RELEASES); a copy of this script that belongs to a release knows it. Nothing is left
# behind, and an executable that is there stays, when anything goes wrong.
set -eu

releases=${WEIR_RELEASES:-}
version=${WEIR_VERSION:-}
folder=

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --version | --to | --from)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --version) version=${2#v} ;;
        --to) folder=$2 ;;
        --from) releases=$2 ;;
      esac
      shift 2
      ;;
    -h | --help)
      sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) fail "unknown argument \"$1\"; there are --version VERSION, --to FOLDER and --from URL" ;;
  esac
done
[ -n "$releases" ] || fail "this copy does not know where the releases are; say it with --from URL or WEIR_RELEASES"

system=$(uname -s)
machine=$(uname -m)
case $system in
  Linux) os=linux ;;
  Darwin) os=macos ;;
  *) fail "there is no release for $system; on Windows take the .zip from $releases" ;;
esac
case $machine in
  x86_64 | amd64) arch=x86_64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) fail "there is no release for $system on $machine" ;;
esac
if [ "$os" = linux ] && ! [ -e /lib64/ld-linux-x86-64.so.2 ] && ! [ -e /lib/ld-linux-aarch64.so.1 ]; then
  fail "Weir needs glibc, which is not here (Alpine and others use musl); take the container image instead"
fi

if command -v curl >/dev/null 2>&1; then
  fetch() { curl --fail --silent --show-error --location --retry 2 --output "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
  fetch() { wget -q -O "$2" "$1"; }
else
  fail "needs curl or wget"
fi
if command -v sha256sum >/dev/null 2>&1; then
  sum_of() { sha256sum "$1"; }
elif command -v shasum >/dev/null 2>&1; then
  sum_of() { shasum -a 256 "$1"; }
else
  fail "needs sha256sum or shasum to check what it gets"
fi

if [ -z "$folder" ]; then
  folder=/usr/local/bin
  [ -d "$folder" ] && [ -w "$folder" ] || folder=$HOME/.local/bin
fi

work=$(mktemp -d)
fresh=
trap 'rm -rf "$work"; [ -z "$fresh" ] || rm -f "$fresh"' EXIT
trap 'exit 1' HUP INT TERM

if [ -n "$version" ]; then from=$releases/download/v$version; else from=$releases/latest/download; fi
fetch "$from/SHA256SUMS" "$work/SHA256SUMS" || fail "cannot get $from/SHA256SUMS"

# One line a file: its sum, two blanks, its name.
line=$(grep -E "^[0-9a-f]{64}  weir-[0-9A-Za-z.+-]+-$os-$arch\.tar\.gz\$" "$work/SHA256SUMS" || :)
[ "$(printf '%s' "$line" | grep -c .)" = 1 ] || fail "$from/SHA256SUMS does not name one archive for $os-$arch"
wanted=${line%%  *}
archive=${line#*  }

say "Getting $from/$archive"
fetch "$from/$archive" "$work/$archive" || fail "cannot get $from/$archive"
found=$(sum_of "$work/$archive")
found=${found%% *}
[ "$found" = "$wanted" ] ||
  fail "$archive is not what SHA256SUMS says: its sum is $found, wanted $wanted. Nothing was installed"

title=${archive%.tar.gz}
tar -xzf "$work/$archive" -C "$work" "$title/weir" || fail "cannot unpack $archive"
"$work/$title/weir" version >"$work/version" || fail "the executable does not run on this machine"

mkdir -p "$folder" || fail "cannot make $folder; say another one with --to FOLDER"
# Beside its place first: a running Weir keeps its own file, and nobody ever sees half of one.
fresh=$folder/.weir.$$
cp "$work/$title/weir" "$fresh" || fail "cannot write to $folder; say another folder with --to FOLDER, or use sudo"
chmod 755 "$fresh"
mv -f "$fresh" "$folder/weir"
fresh=

say "Installed $(cat "$work/version") as $folder/weir"
case ":$PATH:" in
  *":$folder:"*) ;;
  *) say "$folder is not in PATH: add it, or call $folder/weir" ;;
esac
say 'Next: "weir demo" shows it at work, "weir init" writes a first configuration.'
