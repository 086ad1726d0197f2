-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- Sympa, by its command. How to set it up, and what it cannot: sympa.md.
--
-- sympa { program = } gives the sinks. A list's address is what Sympa knows it by.

-- $1: Sympa, $2: the list, $3: = and the address, so that none is an option.
-- It reads addresses by the line: what begins with # is a comment, and a space ends the address.
local tell = [=[
[ -n "$2" ] || { echo "the list is not in lists, or has no address there"; exit 65; }
address=${3#=}
case $address in
  '#'* | *[[:space:]]*) echo "Sympa would take $address for something else"; exit 65 ;;
esac
printf '%s\n' "$address" | "$1" %COMMAND --quiet "$2"]=]

-- It ends with 1 when nobody of that name was there, or the list is not, or its database: so we look.
local members = 'members=$("$1" review "$2") || { echo "$members"; exit 1; }\n'
local absent = members .. [[
printf '%s\n' "$members" | grep -qixF -e "${3#=}"
[ $? -eq 1 ] || { echo "${3#=} may still be a member"; exit 1; }]]
local present = members .. [[
printf '%s\n' "$members" | grep -qixF -e "${3#=}" || { echo "${3#=} is no member"; exit 1; }]]

return function(options)
  for name in pairs(options) do
    assert(name == "program", "sympa knows no option " .. tostring(name))
  end

  local function script(text)
    return { "/bin/sh", "-c", text, "sh", options.program or "/usr/bin/sympa", "{list_address}", "={address}" }
  end

  local function run(command, look)
    return carom.command { argv = script((tell:gsub("%%COMMAND", command))), done = { 0, 1 }, verify = script(look) }
  end

  return { unsubscribe = run("del", absent), resubscribe = run("add", present) }
end
