-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What proven.lua decides; run by carom test proven.lua.

local LIST, ANNA = "news.lists.example.org", "anna@example.com"

local function bounce(reason, authenticity, kind)
  return carom.fact { kind = kind, reason = reason, authenticity = authenticity, recipient = ANNA, list = LIST }
end

carom.test("proven, a dead address leaves at once", function(t)
  t:expect(t:feed(bounce("user_unknown", "signed")), { "unsubscribe", list = LIST })
  t:expect(t:reply("550 5.1.1 No such user", { recipient = ANNA, list = LIST, delivery = "1" }), "unsubscribe")
end)

carom.test("unproven it must last two weeks, on three days", function(t)
  t:expect(t:feed(bounce "user_unknown"), "nothing")
  t:wait "8d"
  t:expect(t:feed(bounce "user_unknown"), "nothing")
  t:wait "5d"
  t:expect(t:feed(bounce "user_unknown"), "nothing") -- three days, but not two weeks
  t:wait "1d"
  t:expect(t:feed(bounce "user_unknown"), "unsubscribe")
end)

carom.test("two days are never enough, however far apart", function(t)
  t:feed(bounce "user_unknown")
  t:wait "30d"
  t:expect(t:feed(bounce "user_unknown"), "nothing")
  t:wait "40d"
  t:expect(t:feed(bounce "user_unknown"), "nothing") -- the first is forgotten
end)

carom.test("six times full within two months is a rest", function(t)
  for _ = 1, 5 do
    t:expect(t:feed(bounce "mailbox_full"), "nothing")
    t:wait "10d"
  end
  t:expect(t:feed(bounce "mailbox_full"), { "suppress", duration = "90d" })
end)

carom.test("full for now is tried again the next day", function(t)
  t:expect(t:feed(bounce("mailbox_full", "unproven", "transient")), { "retry", after = "1d", limit = 2 })
end)

carom.test("who refuses or defers us costs nobody anything", function(t)
  local d = t:feed(carom.fact { reason = "blocked", recipient = "anna@outlook.com", list = LIST })
  t:expect(d, { "alert", every = "1d", text = "outlook refuses our mail to anna@outlook.com (blocked)*" })
  t:expect(t:feed(bounce("bad_reputation", "unproven", "transient")), { "alert", text = "a server defers our mail*" })
  t:expect(t:feed(bounce "spam_detected"), "alert")
  t:expect(t:feed(bounce("system_error", "unproven", "permanent")), "nothing")
  t:allowed(ANNA)
end)

carom.test("what passes is tried again, five times", function(t)
  for i = 1, 6 do
    local d = t:reply("450 4.2.0 Greylisted", { recipient = ANNA, list = LIST, delivery = "4711" })
    t:expect(d, { "retry", after = "4h", limit = 5, state = i <= 5 and "decided" or "refused" })
    t:wait "4h"
  end
end)

carom.test("a complaint ends everything, and the CRM hears of it", function(t)
  t:expect(t:feed(carom.fact { kind = "complaint", recipient = ANNA, list = LIST }), { "unsubscribe", scope = "all" },
           { "webhook", endpoint = "crm", payload = { event = "complaint" } })
end)

carom.test("who asks leaves", function(t)
  t:expect(t:feed(carom.fact { kind = "unsubscribe", recipient = ANNA, list = LIST }), { "unsubscribe", list = LIST })
end)

carom.test("who left is noted, by what he says or by his words", function(t)
  local function reply(autoreply, text)
    return t:feed(carom.fact { kind = "autoreply", recipient = ANNA, list = LIST, autoreply = autoreply, text = text })
  end
  t:expect(reply({ type = "left", new_address = "otto@example.com" }), { "tag", key = "left", value = "otto@example.com" })
  t:expect(reply({ type = "left" }), { "tag", key = "left", value = "yes" })
  t:expect(reply({ type = "vacation" }, "Frau Beispiel ist nicht mehr in unserem Haus tätig."), { "tag", key = "left" })
  t:expect(reply({ type = "vacation" }, "Ich bin heute nicht im Haus."), "nothing")
end)
