-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- A policy for who is watched by the large providers: bulk senders whose mail goes to the spam folder when three of a
-- thousand complain. Who complains is never mailed again, whoever looks like he is about to is let go, and somebody
-- hears of a bad mailing while it still runs.
-- Copy it to /etc/carom/policy.lua and change the marked places. More on it: complaints.md.

carom.configure {
  -- CHANGE: your lists, by their List-Id.
  lists = {
    ["news.lists.example.org"] = { address = "news@lists.example.org" },
  },

  -- CHANGE: who is told. Without the sink `alert` nobody hears of a bad mailing.
  -- sinks = { ["*"] = carom.webhook { url = "https://app.example.org/hooks/bounces",
  --                                   secret = carom.file "/etc/carom/webhook.secret" } },

  -- CHANGE: where feedback reports come, and from whose hosts (carom-policy(5)).
  -- fbl = { ["fbl@example.org"] = { "hotmail.com", "yahoo.com" } },
}

-- CHANGE: the header that names the mailing, in what you send.
local CAMPAIGN = "X-Campaign"

local function let_go(bounce)
  bounce:unsubscribe { scope = "all" }
  bounce:suppress {}
end

local function about(bounce)
  return bounce.original:header(CAMPAIGN) or bounce.original.subject or "a mailing"
end

-- One alert an hour for each provider; the next one says how many came since.
function on_complaint(bounce)
  if bounce.recipient then
    let_go(bounce)
  end
  local whom = bounce.recipient and "" or ", of somebody whom the report does not name: sign your return paths"
  bounce:alert { text = "complaint at " .. (bounce.provider or "a provider") .. " about " .. about(bounce) .. whom,
                 key = "complaint:" .. (bounce.provider or ""), every = "1h" }
end

function on_unsubscribe(bounce)
  bounce:unsubscribe()
end

-- Their own filter refused it: a complaint that nobody sends us. Three days of that are one.
function on_filtered(bounce)
  if bounce:count { reason = "filtered", days = true, within = "90d" } >= 3 then
    let_go(bounce)
  end
end

-- What providers say before they block.
local function reputation(bounce)
  bounce:alert { text = (bounce.provider or "a server") .. " says " .. bounce.reason .. " of " .. about(bounce) ..
                   ": {diagnostic}", key = "reputation:" .. (bounce.provider or ""), every = "1h" }
end
on_spam_detected, on_bad_reputation, on_blocked, on_auth_failure = reputation, reputation, reputation, reputation

-- Dead addresses are what spam traps are made of: once is enough.
function on_permanent(bounce)
  if bounce.hard then
    let_go(bounce)
  end
end

function on_transient(bounce)
  bounce:retry { after = "4h", limit = 3 }
end

-- Feedback that is no complaint.
function on_other(bounce)
  local feedback = bounce.feedback
  if feedback and feedback.type == "not-spam" and bounce.recipient then
    bounce:tag("not_spam", "yes")
  elseif feedback and feedback.auth_failure then
    bounce:alert { text = "mail in our name, ours or not, fails authentication: " .. feedback.auth_failure,
                   key = "authentication", every = "1d" }
  end
end

-- Far more addresses than usual would go at once: nobody does until somebody has looked (carom incidents).
function on_incident(incident)
  incident:alert { text = incident.provider .. " answers " .. incident.reason .. " for " .. incident.count ..
                     " addresses at once: removals are held, see carom incidents" }
end
