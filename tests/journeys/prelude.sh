# Read before each journey. DATA and CONFIGS are folders of the repository.
set -euo pipefail

# fails_with CODE COMMAND...: run the command, which must exit with CODE.
fails_with() {
  local wanted=$1 code=0
  shift
  "$@" || code=$?
  if [ "$code" -ne "$wanted" ]; then
    echo "exit code $code instead of $wanted: $*" >&2
    return 1
  fi
}
