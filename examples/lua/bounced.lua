-- Who bounced, and why: lua5.4 bounced.lua bounces/*.eml
-- The module needs neither policy nor ledger; see carom-module(3).
local carom = require "carom"

for _, name in ipairs(arg) do
  local file = assert(io.open(name, "rb"))
  local facts, why = carom.parse(file, { source = name })
  file:close()
  if not facts then
    io.stderr:write(name, ": ", why, "\n")
  else
    for _, fact in ipairs(facts) do
      print(fact.recipient or "?", fact.kind, fact.reason or "", fact.hard and "dead" or "", fact.diagnostic or "")
    end
  end
end
