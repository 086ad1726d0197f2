-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy for newsletters and announcement lists: mailings to many, seldom answered, where every lost subscriber
-- costs and every complaint costs more. Copy it to /etc/carom/policy.lua and change the marked places.
-- Lines that start with two hyphens, like this one, are remarks; carom does not read them.

carom.configure {
  -- CHANGE: your newsletters, by their List-Id (the List-Id header without its angle brackets).
  lists = {
    ["news.lists.example.org"] = { address = "news@lists.example.org" },
  },

  -- CHANGE: who is told what was decided. One signed call (Standard Webhooks) for each decision; what your
  -- application has not taken with a 2xx answer is sent again for two days. The file holds the shared secret,
  -- one line that starts with whsec_.
  -- sinks = {
  --   ["*"] = carom.webhook { url = "https://app.example.org/hooks/bounces",
  --                           secret = carom.file "/etc/carom/webhook.secret" },
  -- },

  -- Soft bounces add points; half of them are forgotten after each 30 days.
  score = { half_life = "30d" },
}

-- How many points of soft bounces an address may gather before it is given a rest, and how long the rest is.
local TOO_MANY, REST = 5, "30d"

local function soft(bounce, points)
  if bounce:score(points) >= TOO_MANY then
    bounce:suppress { duration = REST }
  end
end

-- "550 5.1.1 no such user", a closed account, a domain that is gone. One such answer can be a mistake of their server
-- (a broken directory refuses everybody for an hour): the first one only pauses the address for a week,
-- the second one, at least a day later, takes it off the list.
local function dead(bounce)
  if bounce:count { hard = true, days = true, within = "180d" } >= 2 then
    bounce:unsubscribe()
    bounce:suppress {}
  else
    bounce:suppress { duration = "7d" }
  end
end

-- Not delivered, and the server says: for good.
function on_permanent(bounce)
  if bounce.hard then
    dead(bounce)
  elseif bounce.fault == "sender" or bounce.fault == "content" then
    -- "550 5.7.1 blocked", DMARC, spam, too large: this is about us. The subscriber keeps the subscription and gets
    -- no points; somebody here should look, at most one message a day for each provider and reason.
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  elseif bounce.fault == "recipient" then
    soft(bounce, 1)
  end
end

-- The mailbox is full. Somebody on holiday empties it; after six mailings in three months nobody reads it any more.
function on_mailbox_full(bounce)
  if bounce:count { reason = "mailbox_full", days = true, within = "90d" } >= 6 then
    bounce:unsubscribe()
  else
    soft(bounce, 1)
  end
end

-- Not delivered for a cause that passes: greylisting, a full disk, a server that is down. The same issue is sent
-- again in four hours, three times at most, and counts half a point.
function on_transient(bounce)
  bounce:retry { after = "4h", limit = 3 }
  soft(bounce, 0.5)
end

-- Their server was told to slow us down: later, and less often. Never the subscriber's fault.
function on_rate_limited(bounce)
  bounce:retry { after = "12h", limit = 2 }
end
on_too_many_connections = on_rate_limited

-- "This is spam." Off every list, and never mailed again: providers count complaints.
function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
  bounce:suppress {}
end

-- "Please take me off", by mail.
function on_unsubscribe(bounce)
  bounce:unsubscribe()
end

-- An automatic answer: the mail arrived. Only somebody who left for good is worth a note at the address.
function on_autoreply(bounce)
  if bounce.autoreply and bounce.autoreply.type == "left" then
    bounce:tag("left", "yes")
  end
end
