# shellcheck shell=bash
# Sourced by ./dev: installs what a verb needs, from Debian's packages and npm, and asks first. The list with its
# reasons is tools/packages.txt. No installed package may start a daemon.

node_version_min=20
assume_yes=${assume_yes:-}

# packages_missing GROUP...: those of the groups that dpkg does not know as installed; of `node` none where npm is.
packages_missing() {
  local group package installed
  installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii  *//p')
  for group; do
    if [[ $group == node ]] && command -v npm >/dev/null; then continue; fi
    while read -r package; do
      grep -qxF "$package" <<<"$installed" || echo "$package"
    done < <(awk -v group="$group" '$1 == group { print $2 }' tools/packages.txt)
  done
}

as_root() {
  if [[ $EUID == 0 ]]; then say "$@"; else say sudo "$@"; fi
}

# Without a question: under CI, with --yes, and where nobody can be asked but root itself calls (a container).
may_install() {
  if [[ ${CI:-} == true || -n $assume_yes ]]; then return; fi
  if [[ ! -t 0 ]]; then
    [[ $EUID == 0 ]] || die "packages are missing ($*) and there is no terminal to ask on: ./dev --yes, or install them"
    return 0
  fi
  local answer
  read -rp "Install with apt: $* ? [Y/n] " answer
  [[ $answer =~ ^([Yy].*)?$ ]] || die "not installed; the list with reasons is tools/packages.txt"
}

apt_install() {
  command -v apt-get >/dev/null || die "needed: $* (the list with reasons is tools/packages.txt; only Debian is automated)"
  [[ $EUID == 0 ]] || command -v sudo >/dev/null || die "needs root: apt-get install $*"
  may_install "$@"
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || as_root apt-get update
  # By name, because sudo keeps no variable of ours.
  as_root env CI="${CI:-}" bash tools/apt_without_daemons.sh "$@"
}

# need GROUP...: everything in tools/packages.txt that these groups name, in one call of apt: each call reads all lists and
# runs every trigger again.
need() {
  local missing
  if command -v dpkg-query >/dev/null; then
    mapfile -t missing < <(packages_missing "$@")
  else
    mapfile -t missing < <(awk '!/^#/ { print $2 }' tools/packages.txt)  # all, for the message that names them
  fi
  if [[ ${#missing[@]} -gt 0 ]]; then apt_install "${missing[@]}"; fi
}

node_is_new_enough() {
  [[ -x $1 && $("$1" -p 'process.versions.node.split(".")[0]') -ge $node_version_min ]]
}

# The browser tests' packages, and a Node that runs them: PATH's when it is new enough (Debian 12 has 18), else npm's.
need_node() {
  need node
  local node=build/node/node_modules/node/bin/node
  if node_is_new_enough "$(command -v node)"; then
    node=$(command -v node)
  elif ! node_is_new_enough "$node"; then
    say npm install --no-save --no-audit --no-fund --prefix build/node "node@$node_version_min"
    node_is_new_enough "$node" || die "npm's package 'node' gave no Node >= $node_version_min"
  fi
  SLUICE_NODE=$(realpath "$node")
  export SLUICE_NODE
  local lock=tests/end_to_end/package-lock.json installed=tests/end_to_end/node_modules/.package-lock.json
  if [[ ! $installed -nt $lock ]]; then
    PATH=$(dirname "$SLUICE_NODE"):$PATH PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 say npm ci --prefix tests/end_to_end --no-audit --no-fund
    touch "$installed"
  fi
}
