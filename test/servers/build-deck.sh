#!/usr/bin/env bash
# Builds the current decK, a client of the admin API, from Kong's Go module; Debian has only an old one. That takes a quarter
# of an hour of processor time, so nothing does it by itself: run it, and test/e2e/deck.test.ts uses what it built.
#
#   test/servers/build-deck.sh
#   test/servers/build-deck.sh --without-ai-converter   where the module proxy has no github.com/Kong/ai-deck-converter:
#                                                       `deck ai …` and `deck file ai2kong` then fail, saying so
#   SLUICE_SERVERS_DIR=/var/tmp/x test/servers/build-deck.sh
#
# How: decK is built as the main module, in which its own `replace` lines and the checksums of its go.sum hold.
set -euo pipefail

VERSION=v1.65.1
SUM=h1:/QWhTxPlgWvSGNG1O7Jm2YWpT5QXhMmALb56gAly67w=

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIR=${SLUICE_SERVERS_DIR:-$HERE/../../node_modules/.cache/sluice-servers}

main() {
  local program source options=()
  case "${1:-}" in
    "") ;;
    --without-ai-converter) ;;
    *) stop "there is no $1; the one option is --without-ai-converter" ;;
  esac
  command -v go >/dev/null || stop "no go: decK $VERSION is built with Go 1.26.4 or newer"
  mkdir -p "$DIR/deck-current"
  program=$(cd "$DIR/deck-current" && pwd -P)/deck
  work=$(mktemp -d) # not local: the trap runs when main is over
  trap 'rm -rf "$work"' EXIT
  source=$(download)
  if [ "${1:-}" = --without-ai-converter ]; then
    stand_in "$source" "$work"
    options=(-modfile="$work/go.mod")
  fi
  go -C "$source" build -buildvcs=false -trimpath "${options[@]}" \
    -ldflags="-s -w -X github.com/kong/deck/cmd.VERSION=$VERSION" -o "$work/deck" .
  mv "$work/deck" "$program"
  "$program" version
  echo "$program"
}

stop() {
  echo "$1" >&2
  exit 1
}

# The module's folder. Go checks it against its checksum database, and we against what we have seen.
download() {
  local answer
  answer=$(cd / && go mod download -json "github.com/kong/deck@$VERSION") || stop "$answer"
  grep -q "\"Sum\": \"$SUM\"" <<<"$answer" || stop "decK $VERSION is not what it was: its checksum is no longer $SUM"
  sed -n 's/.*"Dir": "\(.*\)",/\1/p' <<<"$answer"
}

# stand_in SOURCE WORK: decK's go.mod in WORK, with the converter replaced by one that always fails.
stand_in() {
  local name
  mkdir -p "$2"/converter/{convert,revert}
  cp "$1/go.mod" "$1/go.sum" "$2/"
  chmod u+w "$2"/go.{mod,sum}
  echo "replace github.com/Kong/ai-deck-converter => $2/converter" >>"$2/go.mod"
  printf 'module github.com/Kong/ai-deck-converter\n\ngo 1.26\n' >"$2/converter/go.mod"
  for name in Convert Revert; do
    cat >"$2/converter/${name,}/${name,}.go" <<GO
package ${name,}

import "errors"

type Options struct{ OutputMode string }

func $name([]byte, Options) ([]byte, []string, error) {
	return nil, nil, errors.New("this build of decK is without its AI Gateway converter")
}
GO
  done
}

main "$@"
