#!/bin/bash
# apt_without_daemons.sh PACKAGE...: installs, as root, while a policy-rc.d forbids every package to start a service;
# the machine's own policy is back afterwards, whatever happens.
set -euo pipefail
policy=/usr/sbin/policy-rc.d
saved=$policy.before-sluice

restore() {
  rm -f "$policy"
  if [[ -e $saved ]]; then mv "$saved" "$policy"; fi
}

# An earlier run that was killed left its saved policy: that one is the machine's.
if [[ -e $policy && ! -e $saved ]]; then mv "$policy" "$saved"; fi
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
options=(
  -o Dpkg::Use-Pty=0                      # plain lines instead of a terminal's progress, which CI logs byte by byte
  -o Dpkg::Options::=--force-unsafe-io    # no fsync per file: a machine that loses power here installs again
)
if [[ ${CI:-} == true ]]; then
  # A machine for one run reads no manual: npm alone brings 400 packages with a few small files of documentation each.
  # Licences stay.
  options+=(
    -o Dpkg::Options::=--path-exclude=/usr/share/man/*
    -o Dpkg::Options::=--path-exclude=/usr/share/doc/*
    -o Dpkg::Options::=--path-include=/usr/share/doc/*/copyright
  )
  # man-db indexes every manual page anew whenever a package brought one; without this file its trigger does nothing.
  rm -f /var/lib/man-db/auto-update
fi
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${options[@]}" "$@"
