-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What scoring.lua decides; run by carom test scoring.lua.

local LIST, ANNA = "news.lists.example.org", "anna@example.com"

local function bounce(reason, more)
  return carom.fact { kind = "permanent", reason = reason, recipient = ANNA, list = LIST,
                      authenticity = more and more.authenticity, mail_type = more and more.mail_type }
end

-- A bounce on each of so many days.
local function days(t, n)
  local d
  for _ = 1, n do
    d = t:feed(bounce "user_unknown")
    t:wait "1d"
  end
  return d
end

carom.test("five days of bounces are a rest of three weeks", function(t)
  for _ = 1, 4 do
    t:expect(t:feed(bounce "user_unknown"), { "score", points = 1 })
    t:wait "1d"
  end
  t:expect(t:feed(bounce "mailbox_full"), "score", { "suppress", duration = "21d" },
           { "tag", key = "rested", value = tostring(t:now()) })
  t:denied(ANNA)
  t:expect(t:feed(bounce "user_unknown"), "nothing") -- what was under way
  t:wait "22d"
  t:allowed(ANNA)
end)

carom.test("a day counts once, however many mails it had", function(t)
  t:clock "2026-03-01T06:00:00Z"
  t:expect(t:feed(bounce "user_unknown"), "score")
  for _ = 1, 40 do
    t:expect(t:feed(bounce "user_unknown"), "nothing")
  end
  t:clock "2026-03-02T00:00:01Z"
  t:expect(t:feed(bounce "user_unknown"), "score")
end)

carom.test("a week without a bounce takes all points", function(t)
  days(t, 4)
  t:wait "7d"
  t:expect(t:feed(bounce "user_unknown"), "score")
  t:wait "1d"
  for _ = 1, 3 do
    t:expect(t:feed(bounce "user_unknown"), { "score", points = 1 })
    t:wait "1d"
  end
  t:includes(t:feed(bounce "user_unknown"), "suppress")
end)

carom.test("six days without one take none", function(t)
  days(t, 4)
  t:wait "5d"
  t:includes(t:feed(bounce "user_unknown"), "suppress")
end)

carom.test("who has to rest again within half a year leaves", function(t)
  days(t, 5)
  t:wait "30d"
  t:expect(days(t, 5), "score", { "unsubscribe", list = LIST })
end)

carom.test("a year later it is a rest again", function(t)
  days(t, 5)
  t:wait "365d"
  t:includes(days(t, 5), "suppress")
end)

carom.test("where we sign, a probe asks; when it comes back the membership ends", function(t)
  days(t, 4)
  -- CHANGE with the policy: as long as it names no smtp, no probe can be sent. Then write "probe" alone.
  t:includes(t:feed(bounce("user_unknown", { authenticity = "signed" })), "suppress", { "probe", state = "unmatched" })
  t:expect(t:feed(bounce("user_unknown", { authenticity = "signed", mail_type = "probe" })), { "unsubscribe", list = LIST })
end)

carom.test("what passes is no point", function(t)
  for _, reason in ipairs { "greylisted", "mailbox_full", "network_error", "system_full" } do
    t:expect(t:feed(carom.fact { kind = "transient", reason = reason, recipient = ANNA, list = LIST }), "nothing")
  end
end)

carom.test("who refuses us costs nobody a point", function(t)
  for _ = 1, 10 do
    t:expect(t:feed(bounce "blocked"), { "alert", every = "1d" })
    t:wait "1d"
  end
  t:expect(t:feed(bounce "user_unknown"), { "score", points = 1 })
end)

carom.test("what the list manager sends by itself says nothing of subscribers", function(t)
  t:expect(t:feed(bounce("user_unknown", { mail_type = "confirm" })), "ignore")
end)

carom.test("who complains leaves all lists, who asks leaves one", function(t)
  t:expect(t:feed(carom.fact { kind = "complaint", recipient = ANNA, list = LIST }), { "unsubscribe", scope = "all" })
  t:expect(t:feed(carom.fact { kind = "unsubscribe", recipient = ANNA, list = LIST }), { "unsubscribe", list = LIST })
end)
