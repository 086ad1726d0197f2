-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What newsletter.lua decides; run by carom test newsletter.lua.

local LIST, ANNA = "news.lists.example.org", "anna@example.com"

local function bounce(reason, kind)
  return carom.fact { kind = kind, reason = reason, recipient = ANNA, list = LIST }
end

carom.test("a dead address rests a week first, and leaves on a second day", function(t)
  t:expect(t:feed(bounce "user_unknown"), { "suppress", duration = "7d" })
  t:expect(t:feed(bounce "user_unknown"), { "suppress", duration = "7d" }) -- the same day
  t:wait "8d"
  t:allowed(ANNA)
  t:expect(t:feed(bounce "user_unknown"), { "unsubscribe", list = LIST }, { "suppress", duration = false })
  t:denied(ANNA)
end)

carom.test("half a year later it is a first time again", function(t)
  t:feed(bounce "user_unknown")
  t:wait "181d"
  t:expect(t:feed(bounce "user_unknown"), { "suppress", duration = "7d" })
end)

carom.test("who refuses us costs nobody a point", function(t)
  for _ = 1, 10 do
    t:expect(t:feed(bounce "blocked"), { "alert", every = "1d", text = "a server refuses our mail to anna@example.com (blocked)*" })
    t:expect(t:feed(bounce "message_too_large"), "alert")
    t:wait "1d"
  end
  t:allowed(ANNA)
end)

carom.test("a server that is ill is nobody's fault", function(t)
  t:expect(t:feed(bounce("system_error", "permanent")), "nothing")
end)

carom.test("a mailbox that stays full leaves on the sixth day", function(t)
  for _ = 1, 5 do
    t:expect(t:feed(bounce "mailbox_full"), { "score", points = 1 })
    t:wait "1d"
  end
  t:expect(t:feed(bounce "mailbox_full"), { "unsubscribe", list = LIST })
end)

carom.test("five points of soft bounces are a rest of a month", function(t)
  for _ = 1, 5 do
    t:expect(t:feed(bounce "filtered"), { "score", points = 1 })
    t:wait "1d"
  end
  t:expect(t:feed(bounce "filtered"), { "score", points = 1 }, { "suppress", duration = "30d" })
  t:wait "31d"
  t:allowed(ANNA)
end)

carom.test("points fade", function(t)
  for _ = 1, 12 do
    t:expect(t:feed(bounce "filtered"), "score")
    t:wait "30d"
  end
end)

carom.test("what passes is tried again, three times, at half a point", function(t)
  for i = 1, 4 do
    local d = t:reply("451 4.3.0 Try again later", { recipient = ANNA, list = LIST, delivery = "4711" })
    t:expect(d, { "retry", after = "4h", limit = 3, state = i <= 3 and "decided" or "refused" }, { "score", points = 0.5 })
    t:wait "4h"
  end
end)

carom.test("too much at once is our haste", function(t)
  for _, reason in ipairs { "rate_limited", "too_many_connections" } do
    t:expect(t:feed(bounce(reason)), { "retry", after = "12h", limit = 2 })
  end
end)

carom.test("a complaint ends everything", function(t)
  local d = t:feed(carom.fact { kind = "complaint", recipient = ANNA, list = LIST })
  t:expect(d, { "unsubscribe", scope = "all" }, { "suppress", duration = false })
end)

carom.test("who asks leaves", function(t)
  t:expect(t:feed(carom.fact { kind = "unsubscribe", recipient = ANNA, list = LIST }), { "unsubscribe", list = LIST })
end)

carom.test("who left for good is noted, who is on holiday is not", function(t)
  local function reply(type)
    return t:feed(carom.fact { kind = "autoreply", autoreply = { type = type }, recipient = ANNA, list = LIST })
  end
  t:expect(reply "left", { "tag", key = "left", value = "yes" })
  t:expect(reply "vacation", "nothing")
end)

carom.test("warnings and ordinary mail are recorded only", function(t)
  for _, kind in ipairs { "delayed", "delivered", "challenge", "receipt", "other" } do
    t:expect(t:feed(carom.fact { kind = kind, recipient = ANNA, list = LIST }), "nothing")
  end
end)
