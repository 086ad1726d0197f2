-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What transactional.lua decides; run by carom test transactional.lua.

local ANNA = "anna@example.com"

local function told(event, reason)
  return { "webhook", endpoint = "app", payload = { event = event, reason = reason } }
end

local function bounce(reason, kind)
  return carom.fact { kind = kind, reason = reason, recipient = ANNA, delivery = "order 7/" .. reason }
end

carom.test("a dead address rests a month, the second time for good; the application hears of both", function(t)
  local d = t:feed(carom.fact { reason = "user_unknown", recipient = ANNA, delivery = "order 4711" })
  t:expect(d, { "suppress", duration = "30d" },
           { "webhook", endpoint = "app", payload = { event = "address_dead", address = ANNA, delivery = "order 4711",
                                                      reason = "user_unknown" } })
  t:denied(ANNA)
  t:wait "31d"
  t:allowed(ANNA)
  t:expect(t:feed(bounce "user_unknown"), { "suppress", duration = false }, told "address_dead")
end)

carom.test("who refuses us is told of within the hour, and suppresses nobody", function(t)
  t:expect(t:feed(bounce "blocked"), { "alert", every = "1h", text = "a server refuses our mail to anna@example.com (blocked)*" },
           told("not_delivered", "blocked"))
  t:expect(t:feed(bounce "mailbox_full"), told("not_delivered", "mailbox_full"))
  t:allowed(ANNA)
end)

carom.test("what passes is tried again every ten minutes, eight times; then the application is told", function(t)
  for _ = 1, 8 do
    t:expect(t:reply("450 4.2.0 Greylisted", { recipient = ANNA, delivery = "order 4711" }), { "retry", after = "10m", limit = 8 })
    t:wait "10m"
  end
  t:expect(t:reply("450 4.2.0 Greylisted", { recipient = ANNA, delivery = "order 4711" }), { "retry", state = "refused" },
           told("not_delivered", "greylisted"))
end)

carom.test("who defers us is told of too", function(t)
  t:expect(t:feed(bounce("bad_reputation", "transient")), "alert", "retry")
end)

carom.test("too much at once: every hour, four times", function(t)
  for i = 1, 4 do
    t:expect(t:reply("421 4.7.28 Unusual rate of mail", { recipient = ANNA, delivery = "order 4711", remote_mta = "mx.google.com" }),
             { "retry", after = "1h", limit = 4 })
    t:wait "1h"
  end
  t:expect(t:feed(bounce("too_many_connections", "transient")), { "retry", after = "1h" })
  t:includes(t:reply("421 4.7.28 Unusual rate of mail", { recipient = ANNA, delivery = "order 4711", remote_mta = "mx.google.com" }),
             told("not_delivered", "rate_limited"))
end)

carom.test("late is worth knowing", function(t)
  t:expect(t:feed(carom.fact { kind = "delayed", recipient = ANNA }), told "late")
end)

carom.test("a complaint is a month of silence", function(t)
  t:expect(t:feed(carom.fact { kind = "complaint", recipient = ANNA }), { "suppress", duration = "30d" }, told "complaint")
  t:expect(t:feed(carom.fact { kind = "complaint" }), told "complaint") -- of somebody whom the report hides
end)

carom.test("what people and their machines answer, the application hears", function(t)
  t:expect(t:feed(carom.fact { kind = "unsubscribe", recipient = ANNA }), told "unsubscribe")
  t:expect(t:feed(carom.fact { kind = "autoreply", autoreply = { type = "left" }, recipient = ANNA }), told "left")
  t:expect(t:feed(carom.fact { kind = "autoreply", autoreply = { type = "vacation" }, recipient = ANNA }), "nothing")
end)
