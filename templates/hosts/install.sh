#!/bin/sh
# Installs a vendor's agent on this host, or makes what was installed as it should be again. A second run
# changes nothing. docs/hosts.md explains every exit code.
set -eu
umask 077

# SSM Agent hands the parameters over in the environment. An older one writes them into this text.
[ -n "${SSM_Agent+set}" ] || SSM_Agent='{{ Agent }}'
[ -n "${SSM_AgentVersion+set}" ] || SSM_AgentVersion='{{ AgentVersion }}'
[ -n "${SSM_ReleaseUrl+set}" ] || SSM_ReleaseUrl='{{ ReleaseUrl }}'
[ -n "${SSM_Sha256X86+set}" ] || SSM_Sha256X86='{{ Sha256X86 }}'
[ -n "${SSM_Sha256Arm64+set}" ] || SSM_Sha256Arm64='{{ Sha256Arm64 }}'
[ -n "${SSM_SigningKeyFingerprint+set}" ] || SSM_SigningKeyFingerprint='{{ SigningKeyFingerprint }}'
[ -n "${SSM_TokenName+set}" ] || SSM_TokenName='{{ TokenName }}'
[ -n "${SSM_ServerUrl+set}" ] || SSM_ServerUrl='{{ ServerUrl }}'
[ -n "${SSM_AutoUpgrade+set}" ] || SSM_AutoUpgrade='{{ AutoUpgrade }}'

# Every path begins with this, so that a test can have the whole in a folder.
root=${TOWERHOOK_ROOT:-}

say() {
  printf '%s\n' "$1"
}

# Ends with an exit code of its own and says why.
fail() {
  printf '%s\n' "$2" >&2
  exit "$1"
}

need() {
  command -v "$1" >/dev/null 2>&1 || fail 41 "This host lacks $1, which the installation needs."
}

case $SSM_Agent in
  lacework)
    home=$root/var/lib/lacework
    config=$home/config/config.json
    binary=$home/datacollector
    service=datacollector
    key=$root/etc/pki/rpm-gpg/RPM-GPG-KEY-lacework
    ;;
  *) fail 47 "No way is known to install the agent $SSM_Agent." ;;
esac

# What says that the agent is ours: the digest of the release that was installed, or "unfinished".
mark=$root/var/lib/towerhook-hosts/$SSM_Agent

is_kubernetes() {
  for process in "$root"/proc/[0-9]*/comm; do
    # A process may end before it is read.
    if read -r name 2>/dev/null <"$process" && [ "$name" = kubelet ]; then
      return 0
    fi
  done
  systemctl list-unit-files kubelet.service 2>/dev/null | grep -q '^kubelet'
}

download() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --max-redirs 5 --connect-timeout 20 --max-time 900 \
      --output "$2" "$1" || fail 44 "$1 cannot be downloaded."
  else
    wget --quiet --timeout=20 --tries=2 --output-document="$2" "$1" || fail 44 "$1 cannot be downloaded."
  fi
}

# The text as a part of a JSON string. It stays in the shell and in a pipe: no process has it as an argument.
escaped() {
  printf '%s' "$1" | sed 's/[\\"]/\\&/g'
}

read_token() {
  if [ -n "${AWS_SSM_REGION_NAME:-}" ]; then
    export AWS_REGION="$AWS_SSM_REGION_NAME" AWS_DEFAULT_REGION="$AWS_SSM_REGION_NAME"
  fi
  token=$(aws ssm get-parameter --with-decryption --name "$SSM_TokenName" \
    --query Parameter.Value --output text) ||
    fail 43 "The token cannot be read from $SSM_TokenName: the instance's role needs ssm:GetParameter."
  case $token in
    '' | None | *[[:cntrl:]]*) fail 43 "$SSM_TokenName holds no token." ;;
  esac
}

# The vendor signs the list of its releases' digests, as a text with a signature or beside it.
check_signature() {
  if ! command -v gpg >/dev/null 2>&1 || [ ! -r "$key" ]; then
    say "The signature is not checked: it takes gpg and the vendor's public key as $key."
    return
  fi
  sums=${url%/*}/checksum_sha256.txt
  download "$sums.asc" "$scratch/sums.asc"
  mkdir "$scratch/gpg"
  with_gpg() {
    gpg --homedir "$scratch/gpg" --batch --quiet --no-autostart "$@" 2>/dev/null
  }
  with_gpg --import "$key" || fail 46 "$key is no public key."
  if grep -q '^-----BEGIN PGP SIGNED MESSAGE-----' "$scratch/sums.asc"; then
    with_gpg --status-fd 1 --output "$scratch/sums" --decrypt "$scratch/sums.asc" >"$scratch/status" ||
      fail 46 "The signature of $sums is wrong."
  else
    download "$sums" "$scratch/sums"
    with_gpg --status-fd 1 --verify "$scratch/sums.asc" "$scratch/sums" >"$scratch/status" ||
      fail 46 "The signature of $sums is wrong."
  fi
  grep -q "VALIDSIG.* $SSM_SigningKeyFingerprint\$" "$scratch/status" ||
    fail 46 "$sums was not signed with the key $SSM_SigningKeyFingerprint."
  grep -q "^$digest" "$scratch/sums" || fail 46 "$sums does not list the release."
}

write_config() {
  if ! cmp -s "$scratch/config.json" "$config"; then
    mkdir -p "${config%/*}"
    cat "$scratch/config.json" >"$config.new"
    mv "$config.new" "$config"
    say "The configuration is written."
  fi
}

install_release() {
  case $release in
    *.deb)
      DEBIAN_FRONTEND=noninteractive dpkg -i "$release" </dev/null
      ;;
    *.rpm)
      rpm -U --replacepkgs "$release" </dev/null
      ;;
    *)
      mkdir "$scratch/release"
      tar -xzf "$release" -C "$scratch/release" || return
      # Its own script asks for no token where there is a configuration already.
      set -- "$scratch"/release/install.sh "$scratch"/release/*/install.sh
      [ -e "$1" ] || shift
      (cd "${1%/*}" && sh ./install.sh </dev/null)
      ;;
  esac
}

if is_kubernetes; then
  fail 42 "This host runs Kubernetes: install the agent as a DaemonSet instead."
fi
for program in aws sed grep cmp sha256sum mktemp systemctl; do
  need "$program"
done
command -v curl >/dev/null 2>&1 || need wget

if [ ! -e "$mark" ] && { [ -e "$binary" ] || [ -e "$config" ]; }; then
  say "An agent that was installed in another way is on this host, and stays as it is."
  exit 0
fi

processor=$(uname -m)
case $processor in
  x86_64) digest=$SSM_Sha256X86 debian=amd64 ;;
  aarch64) digest=$SSM_Sha256Arm64 debian=arm64 ;;
  *) fail 47 "The agent does not run on the processor $processor." ;;
esac
[ "$digest" != none ] || fail 47 "There is no checksum of the release for $processor."

case $SSM_ReleaseUrl in
  *.deb) need dpkg && processor=$debian ;;
  *.rpm) need rpm ;;
  *.tgz) need tar && need gzip ;;
  *) fail 47 "A release is a .deb, an .rpm or a .tgz, and $SSM_ReleaseUrl is none." ;;
esac
url=$(printf '%s' "$SSM_ReleaseUrl" | sed "s/{version}/$SSM_AgentVersion/g; s/{arch}/$processor/g")

mkdir -p "$root/var/tmp"
scratch=$(mktemp -d "$root/var/tmp/towerhook.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

read_token
printf '{"tokens":{"accesstoken":"%s"},"serverurl":"%s","autoupgrade":"%s"}\n' \
  "$(escaped "$token")" "$(escaped "$SSM_ServerUrl")" "$SSM_AutoUpgrade" >"$scratch/config.json"

installed=
[ ! -r "$mark" ] || read -r installed <"$mark"
if [ "$installed" = "$digest" ] && [ -e "$binary" ]; then
  write_config
else
  release=$scratch/${url##*/}
  download "$url" "$release"
  found=$(sha256sum <"$release")
  [ "${found%% *}" = "$digest" ] ||
    fail 45 "$url has the checksum ${found%% *}, and not $digest: nothing is installed."
  check_signature
  mkdir -p "${mark%/*}"
  echo unfinished >"$mark"
  write_config
  umask 022
  install_release || fail 48 "The release $SSM_AgentVersion cannot be installed."
  [ -e "$binary" ] || fail 48 "The release $SSM_AgentVersion has installed no $binary."
  echo "$digest" >"$mark"
fi

systemctl is-active --quiet "$service" || systemctl enable --now "$service" ||
  fail 49 "The service $service does not start."
say "The agent $SSM_Agent $SSM_AgentVersion is installed and runs."
