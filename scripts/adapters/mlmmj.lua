-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- mlmmj, by its commands. How to set it up, and what it cannot: mlmmj.md.
--
-- mlmmj { spool = } gives the sinks. A list's key is its directory below spool.

-- They end with 0 also when nobody of that name was there, and when they may not write: so we look, but not into the
-- locks and the files that they are still writing (".lock", "m.new"), which come and go. $1: the list's directory, $2: the
-- address, the rest: where it must not be.
local absent = [[
directory=$1 address=$2
shift 2
for kind; do
  grep -rqixF --exclude=".*" --exclude="*.new" -e "$address" "$directory/$kind.d"
  [ $? -eq 1 ] || { echo "$address may still be in $kind.d"; exit 1; }
done]]

local present = [[grep -rqixF --exclude=".*" --exclude="*.new" -e "$2" "$1/subscribers.d"]]

-- mlmmj-sub would also take in who has left.
local stop = [[
grep -rqixF --exclude=".*" --exclude="*.new" -e "$2" "$1/subscribers.d" "$1/digesters.d" || exit 0
exec /usr/bin/mlmmj-sub -L "$1" -a "$2" -n -f -s -q -U]]
local start = [[
grep -rqixF --exclude=".*" --exclude="*.new" -e "$2" "$1/nomailsubs.d" || exit 0
exec /usr/bin/mlmmj-sub -L "$1" -a "$2" -f -s -q -U]]

return function(options)
  for name in pairs(options) do
    assert(name == "spool", "mlmmj knows no option " .. tostring(name))
  end
  local directory = (options.spool or "/var/spool/mlmmj") .. "/{list_key}"

  local function script(text, ...)
    return { "/bin/sh", "-c", text, "sh", directory, "{address}", ... }
  end

  -- Two at once would each write back what the other took out, and the last of a file removes it while we look: one at a
  -- time for each list.
  local function locked(argv)
    -- of a file that is not there it would make one
    return { "/usr/bin/flock", directory .. "/control", table.unpack(argv) }
  end

  local function run(argv, verify)
    return carom.command { argv = locked(argv), verify = locked(verify) }
  end

  return {
    unsubscribe = run({ "/usr/bin/mlmmj-unsub", "-L", directory, "-a{address}", "-s", "-q", "-U" },
                      script(absent, "subscribers", "digesters", "nomailsubs")),
    resubscribe = run({ "/usr/bin/mlmmj-sub", "-L", directory, "-a{address}", "-f", "-s", "-q", "-U" }, script(present)),
    suppress = run(script(stop), script(absent, "subscribers", "digesters")),
    unsuppress = run(script(start), script(absent, "nomailsubs")),
  }
end
