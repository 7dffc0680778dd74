# shellcheck shell=bash
# Sourced by ./dev: runs the parts of a verb and adds up what they counted. A part's last line may be
# "N passed, N failed", as every runner of ours prints; without it the exit status decides and the part counts as one.
# Invariant: a part that fails, dies or tests nothing adds at least one failure.

tally_passed=0
tally_failed=0
tally_lines=()

# part NAME COMMAND...: its output also stands in build/log/NAME.log. The command runs under its own `set -e`.
part() {
  local name=$1 log=build/log/$1.log started=$SECONDS status=0 passed failed line
  shift
  mkdir -p build/log
  printf '\e[1m== %s\e[0m\n' "$name"
  set +e
  (set -euo pipefail && "$@") 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
    if ((passed + failed == 0 || (status != 0 && failed == 0))); then failed=1; fi
  else
    passed=$((status == 0)) failed=$((status != 0))
  fi
  tally_passed=$((tally_passed + passed))
  tally_failed=$((tally_failed + failed))
  printf -v line '%-16s %5d passed %5d failed %6d s' "$name" "$passed" "$failed" $((SECONDS - started))
  tally_lines+=("$line")
  printf '\e[1m== %s\e[0m\n' "$line"
}

# The end of a verb made of parts: a line each, the sum last, and its exit status.
report() {
  printf '%s\n' "" "${tally_lines[@]}" ""
  printf '%d passed, %d failed\n' "$tally_passed" "$tally_failed"
  ((tally_passed > 0 && tally_failed == 0))
}
