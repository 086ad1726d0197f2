-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What default.lua decides; run by carom test default.lua.

local LIST, ANNA = "news.lists.example.org", "anna@example.com"

local function bounce(diagnostic)
  return carom.fact { diagnostic = diagnostic, recipient = ANNA, list = LIST }
end

carom.test("a dead address leaves the list that the mail was for, and is mailed no more", function(t)
  for _, words in ipairs { "550 5.1.1 No such user here", "550 5.2.1 Account disabled", "550 5.1.2 Host unknown" } do
    t:expect(t:feed(bounce(words)), { "unsubscribe", list = LIST, scope = false }, { "suppress", duration = false })
  end
  t:denied(ANNA, { cause = "suppressed" })
  t:wait "1000d"
  t:denied(ANNA)
end)

carom.test("where no list is known it is suppressed", function(t)
  t:expect(t:feed(carom.fact { reason = "user_unknown", recipient = ANNA }), "suppress")
end)

carom.test("who refuses us or our mail costs nobody the subscription", function(t)
  local d = t:feed(bounce "550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus")
  t:expect(d, { "alert", every = "1d", text = "a server refuses our mail to anna@example.com (blocked): 550 5.7.1 Client*" })
  t:expect(t:feed(bounce "552 5.3.4 Message size exceeds fixed maximum message size"), "alert")
  d = t:feed(carom.fact { reason = "blocked", recipient = "anna@gmail.com", list = LIST })
  t:expect(d, { "alert", text = "google refuses*" })
  t:allowed(ANNA)
end)

carom.test("a failure that is nobody's fault is recorded only", function(t)
  t:expect(t:feed(carom.fact { reason = "filtered", recipient = ANNA, list = LIST }), "nothing")
end)

carom.test("a full mailbox rests on the third day", function(t)
  for _ = 1, 2 do
    t:expect(t:feed(bounce "552 5.2.2 Mailbox full"), "nothing")
    t:expect(t:feed(bounce "552 5.2.2 Mailbox full"), "nothing") -- the same day
    t:wait "1d"
  end
  t:expect(t:feed(bounce "552 5.2.2 Mailbox full"), { "suppress", duration = "90d" })
  t:denied(ANNA)
  t:wait "91d"
  t:allowed(ANNA)
  t:expect(t:feed(bounce "552 5.2.2 Mailbox full"), "nothing")
end)

carom.test("what passes is tried again, five times", function(t)
  for i = 1, 6 do
    local d = t:reply("450 4.2.0 Greylisted", { recipient = ANNA, list = LIST, delivery = "4711" })
    t:expect(d, { "retry", after = "4h", limit = 5, state = i <= 5 and "decided" or "refused" })
    t:wait "4h"
  end
end)

carom.test("a complaint ends everything", function(t)
  local d = t:feed(carom.fact { kind = "complaint", recipient = ANNA, list = LIST })
  t:expect(d, { "unsubscribe", scope = "all" }, { "suppress", duration = false })
  t:denied(ANNA)
end)

carom.test("who asks leaves that list, and may be mailed by others", function(t)
  t:expect(t:feed(carom.fact { kind = "unsubscribe", recipient = ANNA, list = LIST }), { "unsubscribe", list = LIST })
  t:denied(ANNA, { list = LIST, cause = "left" })
  t:allowed(ANNA, { list = "other.example.org" })
end)

carom.test("warnings, answers of machines and ordinary mail are recorded only", function(t)
  for _, kind in ipairs { "delayed", "delivered", "autoreply", "challenge", "receipt", "other" } do
    t:expect(t:feed(carom.fact { kind = kind, recipient = ANNA, list = LIST }), "nothing")
  end
end)

carom.test("a guess removes nobody", function(t)
  local d = t:feed(carom.fact { reason = "user_unknown", confidence = "low", recipient = ANNA, list = LIST })
  t:expect(d, { "unsubscribe", state = "refused" }, { "suppress", state = "refused" })
end)
