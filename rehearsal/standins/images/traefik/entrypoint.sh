#!/bin/sh
# Flags and Traefik's own subcommands go to Traefik; anything else is a program to run.
set -e
case ${1-} in
  -* | healthcheck | version) set -- traefik "$@" ;;
esac
exec "$@"
