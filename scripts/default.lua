-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- The default policy: short, and safe for most senders. Copy it, name your lists and sinks, and change what you like.
-- What each name means: carom-policy(5). What it decides, told at more length: scripts/default.md.

carom.configure {
  -- lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
  -- sinks = { ["*"] = carom.webhook { url = "https://app.example.org/bounces",
  --                                   secret = carom.file "/etc/carom/webhook.secret" } },
}

-- The address is dead: it leaves the list that the mail was for, and is mailed no more.
local function dead(bounce)
  if bounce.list then
    bounce:unsubscribe()
  end
  bounce:suppress {}
end

function on_permanent(bounce)
  if bounce.hard then
    dead(bounce)
  elseif bounce.fault == "sender" or bounce.fault == "content" then
    -- They refuse us or what we wrote: the subscriber can do nothing about it, somebody here can.
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  end
end

function on_mailbox_full(bounce)
  if bounce:count { reason = "mailbox_full", days = true, within = "60d" } >= 3 then
    bounce:suppress { duration = "90d" }
  end
end

function on_transient(bounce)
  bounce:retry { after = "4h", limit = 5 }
end

function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
  bounce:suppress {}
end

function on_unsubscribe(bounce)
  bounce:unsubscribe()
end
