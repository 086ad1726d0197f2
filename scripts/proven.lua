-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy that acts by proof: what is certainly about our own mail counts at once, what anybody could have written
-- only when it stays true for two weeks. For who signs the return paths of his mail, or is about to.

carom.configure {
  -- CHANGE: your lists, by their List-Id.
  lists = {
    ["news.lists.example.org"] = { address = "news@lists.example.org" },
  },

  -- CHANGE: where subscriptions are kept. The placeholders are filled for each address.
  sinks = {
    unsubscribe = carom.http { method = "DELETE", url = "https://app.example.org/lists/{list}/members/{address}",
                               token = carom.file "/etc/carom/app.token" },
    ["*"] = carom.webhook { url = "https://app.example.org/hooks/bounces",
                            secret = carom.file "/etc/carom/webhook.secret" },
  },
  endpoints = {
    crm = carom.webhook { url = "https://crm.example.org/hooks/mail", secret = carom.file "/etc/carom/webhook.secret" },
  },

  -- CHANGE: the key that signs. The gate would hold all failures without it from that day on; this policy looks at the
  -- proof itself instead.
  -- verp = { domain = "bounces.example.org", keys = { { id = 1, secret = carom.file "/etc/carom/verp.secret", since = "2026-01-01" } } },
  gate = { failure = "unproven" },
}

local function is_certain(bounce)
  return bounce.authenticity == "signed" or bounce.authenticity == "direct"
end

-- On three days, the first of them at least two weeks ago.
local function is_lasting(bounce)
  local hard = { hard = true, within = "60d" }
  return bounce:count { hard = true, days = true, within = "60d" } >= 3
    and bounce.time - bounce:first(hard) >= carom.seconds "14d"
end

function on_permanent(bounce)
  if bounce.hard then
    if is_certain(bounce) or is_lasting(bounce) then
      bounce:unsubscribe()
    end
  elseif bounce.fault == "sender" or bounce.fault == "content" then
    -- "550 5.7.1 … blocked": Microsoft, or whoever it is, refuses us. Nobody is suppressed; somebody here should look.
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " refuses our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  end
end

function on_transient(bounce)
  if bounce.fault == "sender" then
    local who = bounce.provider or "a server"
    bounce:alert { text = who .. " defers our mail to {recipient} ({reason}): {diagnostic}", every = "1d" }
  else
    bounce:retry { after = "4h", limit = 5 }
  end
end

function on_mailbox_full(bounce)
  if bounce:count { reason = "mailbox_full", within = "60d" } >= 6 then
    bounce:suppress { duration = "90d" }
  elseif bounce.kind == "transient" then
    bounce:retry { after = "1d", limit = 2 }
  end
end

function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
  bounce:webhook("crm", { event = "complaint" })
end

function on_unsubscribe(bounce)
  bounce:unsubscribe()
end

-- "Herr Muster ist nicht mehr bei uns tätig": the mailbox still answers, its owner has gone.
function on_autoreply(bounce)
  local reply = bounce.autoreply
  if reply.type == "left" or carom.match(bounce.text or "", "nicht mehr*tätig") then
    bounce:tag("left", reply.new_address or "yes")
  end
end
