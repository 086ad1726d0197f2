-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy for discussion lists that counts as Mailman 3 does: each day with a bounce is a point, a week without one
-- takes all points, and with five an address is not mailed for three weeks. Two things are better here: what is about
-- us is nobody's point, and before anybody leaves a probe asks, or the whole must have happened twice.
-- Copy it to /etc/carom/policy.lua and change the marked places. More on it: scoring.md.

carom.configure {
  -- CHANGE: your lists, by their List-Id.
  lists = {
    ["news.lists.example.org"] = { address = "news@lists.example.org" },
  },

  -- CHANGE: who is told. `suppress` turns delivery off, `unsuppress` on again, `unsubscribe` ends the membership.
  -- sinks = { ["*"] = carom.webhook { url = "https://lists.example.org/hooks/bounces",
  --                                   secret = carom.file "/etc/carom/webhook.secret" } },

  -- CHANGE: probes are mails of ours with a signed return path. Without these two lines none is sent, and an address
  -- with too many points only rests. From the key's `since` day on, a bounce that proves nothing is held for you to
  -- look at (carom held), so sign all mail by then.
  -- verp = { domain = "bounces.example.org", keys = { { id = 1, secret = carom.file "/etc/carom/verp.secret", since = "2026-01-01" } } },
  -- smtp = { url = "smtp://127.0.0.1", from = "lists@example.org", allow_private = true },

  score = { half_life = "3650d" }, -- points do not fade: a quiet week takes them all, see STALE
}

local LIMIT = 5      -- points at which an address rests (Mailman: bounce_score_threshold)
local STALE = "7d"   -- without a bounce for so long counting begins anew (bounce_info_stale_after)
local REST = "21d"   -- not mailed for so long (three reminders, seven days apart)
local AGAIN = "180d" -- who has to rest a second time within so long leaves

-- Failures for good that are about the address, within so long; this one is among them.
local function failures(bounce, within)
  local n = 0
  for _, fault in ipairs { "recipient", "domain", "transport", "system", "unknown" } do
    n = n + bounce:count { kind = "permanent", fault = fault, within = within }
  end
  return n
end

-- A list with forty posts a day makes forty bounces: a day counts once.
local function is_first_today(bounce)
  return failures(bounce, bounce.time % 86400 + 1 .. "s") <= 1
end

local function rest(bounce)
  bounce:suppress { duration = REST }
  bounce:tag("rested", bounce.time)
  if bounce.authenticity == "signed" or bounce.authenticity == "direct" then
    bounce:probe {} -- comes back? Then nobody is there, see on_permanent
  end
end

local function add(bounce)
  if bounce.history.suppressed or not is_first_today(bounce) then return end
  local is_stale = failures(bounce, STALE) <= 1
  if bounce:score(is_stale and 1 - bounce.history.score or 1) < LIMIT - 0.5 then return end
  local rested = tonumber(bounce.history.tags.rested or 0)
  if bounce.time - rested < carom.seconds(AGAIN) then
    bounce:unsubscribe()
  else
    rest(bounce)
  end
end

-- What passes (a full disk, greylisting) is no point, as in Mailman: there is no on_transient.
function on_permanent(bounce)
  if bounce.mail_type == "probe" then
    bounce:unsubscribe() -- asked alone, and still nobody there
  elseif bounce.mail_type then
    bounce:ignore() -- a confirmation or notice of the list manager: perhaps no subscriber at all
  elseif bounce.fault == "sender" or bounce.fault == "content" or bounce.fault == "rate" then
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  else
    add(bounce)
  end
end

function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
end

function on_unsubscribe(bounce)
  bounce:unsubscribe()
end
