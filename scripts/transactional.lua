-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy for mail that somebody waits for: passwords, orders, invoices, alarms. There are no lists to leave. It tries
-- again within minutes, tells the application of every message that did not arrive, and is careful with suppressions:
-- who is suppressed gets no password any more.
-- Copy it to /etc/carom/policy.lua and change the marked places. More on it: transactional.md.

carom.configure {
  -- CHANGE: who is told that an address is suppressed or may be mailed again, and who sends again when a retry is due.
  -- sinks = { ["*"] = carom.webhook { url = "https://app.example.org/hooks/mail",
  --                                   secret = carom.file "/etc/carom/webhook.secret" } },

  -- CHANGE: your application, which asks the user for another address, or tries another way.
  endpoints = {
    app = carom.webhook { url = "https://app.example.org/hooks/mail", secret = carom.file "/etc/carom/webhook.secret" },
  },
}

local function tell(bounce, event)
  bounce:webhook("app", { event = event, address = bounce.recipient, delivery = bounce.delivery, reason = bounce.reason })
end

-- The first time for a month, in which the user may give another address or have this one mended; the second time
-- within half a year for good.
local function dead(bounce)
  if bounce:count { hard = true, days = true, within = "180d" } >= 2 then
    bounce:suppress {}
  else
    bounce:suppress { duration = "30d" }
  end
  tell(bounce, "address_dead")
end

-- Nobody waits a day for a password, so somebody is told within the hour.
local function blame_us(bounce)
  local who = bounce.provider or "a server"
  bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1h" }
end

function on_permanent(bounce)
  if bounce.hard then
    dead(bounce)
    return
  end
  if bounce.fault == "sender" or bounce.fault == "content" then
    blame_us(bounce)
  end
  tell(bounce, "not_delivered")
end

function on_transient(bounce)
  if bounce.fault == "sender" then
    blame_us(bounce)
  end
  if not bounce:retry { after = "10m", limit = 8 } then
    tell(bounce, "not_delivered")
  end
end

-- Their server was told to slow us down.
function on_rate_limited(bounce)
  if not bounce:retry { after = "1h", limit = 4 } then
    tell(bounce, "not_delivered")
  end
end
on_too_many_connections = on_rate_limited

-- It still waits in a queue: late is worth knowing here.
function on_delayed(bounce)
  tell(bounce, "late")
end

-- "This is spam", of a mail that was asked for. Providers count it all the same: a month of silence, and the
-- application asks what is wrong.
function on_complaint(bounce)
  if bounce.recipient then
    bounce:suppress { duration = "30d" }
  end
  tell(bounce, "complaint")
end

-- There is no list: what may be switched off, the application knows.
function on_unsubscribe(bounce)
  tell(bounce, "unsubscribe")
end

function on_autoreply(bounce)
  if bounce.autoreply.type == "left" then
    tell(bounce, "left")
  end
end
