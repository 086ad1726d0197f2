-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy for lists that were run with ezmlm: nobody leaves because of bounces alone. An address that still bounces
-- after twelve days gets a warning; when that comes back too, twelve days later a probe; and only when the probe comes
-- back it leaves. It needs signed return paths: warning and probe are mails of carom's own, known by their signature.
-- Copy it to /etc/carom/policy.lua and change the marked places. More on it: warn.md.

carom.configure {
  -- CHANGE: your lists, by their List-Id.
  lists = {
    ["news.lists.example.org"] = { address = "news@lists.example.org" },
  },

  -- CHANGE: who is told that somebody leaves.
  -- sinks = { unsubscribe = carom.webhook { url = "https://lists.example.org/hooks/bounces",
  --                                         secret = carom.file "/etc/carom/webhook.secret" } },

  -- CHANGE: the key that signs, and the mail server that takes warnings and probes.
  verp = { domain = "bounces.example.org", keys = { { id = 1, secret = carom.file "/etc/carom/verp.secret", since = "2026-01-01" } } },
  smtp = { url = "smtp://127.0.0.1", from = "lists@example.org", allow_private = true },
}

local WAIT = carom.seconds "12d"   -- between two steps
local FORGET = carom.seconds "60d" -- after so long the first step is taken again

-- The tags at the address say how far it is, and since when: bouncing, warned, failing (the warning came back), probed.
local function enter(bounce, stage)
  bounce:tag("stage", stage)
  bounce:tag("since", bounce.time)
end

-- A mail of the list failed.
local function fail(bounce)
  local stage, since = bounce.history.tags.stage, tonumber(bounce.history.tags.since or 0)
  if not stage or bounce.time - since > FORGET then
    enter(bounce, "bouncing")
  elseif bounce.time - since < WAIT then
    return
  elseif stage == "bouncing" then
    bounce:probe {} -- the warning
    enter(bounce, "warned")
  elseif stage == "failing" then
    bounce:probe {}
    enter(bounce, "probed")
  else
    enter(bounce, "bouncing") -- what we sent alone arrived: from the start
  end
end

-- The warning or the probe itself came back.
local function fail_alone(bounce)
  local stage = bounce.history.tags.stage
  if stage == "warned" then
    enter(bounce, "failing")
  elseif stage == "probed" then
    bounce:unsubscribe()
  end
end

function on_permanent(bounce)
  if bounce.mail_type == "probe" then
    fail_alone(bounce)
  elseif bounce.mail_type then
    bounce:ignore() -- a confirmation or notice of the list manager
  elseif bounce.fault == "sender" or bounce.fault == "content" or bounce.fault == "rate" then
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  else
    fail(bounce)
  end
end

function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
end

function on_unsubscribe(bounce)
  bounce:unsubscribe()
end
