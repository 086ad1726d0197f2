-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy that scores as list managers do: each day of bounces gives points, old points fade, and who has too many is
-- not mailed for a while and gets one probe. Only a bounce of the probe itself ends the subscription. For discussion
-- lists, where one bad week of a mail server must cost nobody the membership.

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

  score = { half_life = "14d" }, -- after two weeks half of the points are forgotten
}

-- Points at which an address rests, and for how long.
local LIMIT, REST = 4, "21d"

-- A list with forty posts a day makes forty bounces: a day counts once.
local function is_first_today(bounce)
  return bounce:count { within = bounce.time % 86400 + 1 .. "s" } <= 1
end

local function add(bounce, points)
  if bounce.history.suppressed or not is_first_today(bounce) then return end
  if bounce:score(points) >= LIMIT then
    bounce:suppress { duration = REST }
    bounce:probe {}
  end
end

function on_permanent(bounce)
  if bounce.mail_type == "probe" then
    bounce:unsubscribe() -- asked alone, and still nobody there
  elseif bounce.hard then
    add(bounce, 2)
  elseif bounce.fault == "sender" or bounce.fault == "content" then
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  else
    add(bounce, 1)
  end
end

function on_transient(bounce)
  if bounce.fault ~= "sender" and bounce.fault ~= "content" and bounce.fault ~= "rate" then
    add(bounce, 0.5)
  end
end

function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
end

function on_unsubscribe(bounce)
  bounce:unsubscribe()
end
