#!/bin/sh
# provision-keys.sh ADDRESS HOST_KEY: makes keys for a server that lives as long as the job, and prints them as outputs of a step.
set -eu
cd "$RUNNER_TEMP"
ssh-keygen -q -t ed25519 -N '' -C admin -f admin
ssh-keygen -q -t ed25519 -N '' -C deploy -f deploy
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ci.example -addext subjectAltName=DNS:ci.example -keyout tls.key -out tls.crt 2>/dev/null
# Masks are commands for the runner, and the runner reads them on standard error too.
grep -h -v -e '-----' admin tls.key | sed 's/^/::add-mask::/' >&2
output() {
  printf '%s<<END-OF-FILE\n' "$1"
  cat "$2"
  echo END-OF-FILE
}
output admin admin
output deploy deploy.pub
output certificate tls.crt
output key tls.key
printf 'known-hosts=%s %s\n' "$1" "$(cut -d ' ' -f 1,2 "$2")"
