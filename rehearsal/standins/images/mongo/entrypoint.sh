#!/bin/sh
set -e
case ${1-} in -*) set -- mongod "$@" ;; esac
exec "$@"
