#!/bin/sh
# Removes the agent that the other document installed, with its configuration. A second run changes nothing.
# docs/hosts.md explains every exit code.
set -eu
umask 077

# SSM Agent hands the parameter over in the environment. An older one writes it into this text.
[ -n "${SSM_Agent+set}" ] || SSM_Agent='{{ Agent }}'

# Every path begins with this, so that a test can have the whole in a folder.
root=${TOWERHOOK_ROOT:-}

# Ends with an exit code of its own and says why.
fail() {
  printf '%s\n' "$2" >&2
  exit "$1"
}

case $SSM_Agent in
  lacework)
    package=lacework
    service=datacollector
    home=$root/var/lib/lacework
    log=$root/var/log/lacework
    ;;
  *) fail 47 "No way is known to remove the agent $SSM_Agent." ;;
esac

mark=$root/var/lib/towerhook-hosts/$SSM_Agent
if [ ! -e "$mark" ]; then
  echo "No agent that was installed from here is on this host."
  exit 0
fi
for program in rm rmdir systemctl; do
  command -v "$program" >/dev/null 2>&1 || fail 41 "This host lacks $program, which the removal needs."
done

# An installation that did not end has left no service.
systemctl disable --now "$service" >/dev/null 2>&1 || true
if dpkg -s "$package" >/dev/null 2>&1; then
  dpkg --purge "$package" </dev/null || fail 48 "The package $package cannot be removed."
fi
if rpm -q "$package" >/dev/null 2>&1; then
  rpm -e "$package" </dev/null || fail 48 "The package $package cannot be removed."
fi
rm -rf "$home" "$log"
rm -f "$mark"
rmdir "${mark%/*}" 2>/dev/null || true
echo "The agent $SSM_Agent is removed."
