-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What warn.lua decides; run by carom test warn.lua.

local LIST, ANNA = "news.lists.example.org", "anna@example.com"

local function bounce(reason, mail_type)
  return carom.fact { kind = "permanent", reason = reason, recipient = ANNA, list = LIST, authenticity = "signed",
                      mail_type = mail_type }
end

local function stage(name)
  return { "tag", key = "stage", value = name }
end
local since = { "tag", key = "since" }

-- Up to the warning.
local function warn(t)
  t:expect(t:feed(bounce "user_unknown"), stage "bouncing", since)
  t:wait "11d"
  t:expect(t:feed(bounce "user_unknown"), "nothing")
  t:wait "1d"
  t:expect(t:feed(bounce "user_unknown"), "probe", stage "warned", since)
end

carom.test("bounces, a warning that comes back, a probe that comes back: the address leaves", function(t)
  warn(t)
  t:expect(t:feed(bounce("user_unknown", "probe")), stage "failing", since)
  t:wait "11d"
  t:expect(t:feed(bounce "user_unknown"), "nothing")
  t:wait "1d"
  t:expect(t:feed(bounce "user_unknown"), "probe", stage "probed", since)
  t:expect(t:feed(bounce("user_unknown", "probe")), { "unsubscribe", list = LIST })
end)

carom.test("where the warning arrives it begins anew", function(t)
  warn(t)
  t:wait "12d"
  t:expect(t:feed(bounce "user_unknown"), stage "bouncing", since)
end)

carom.test("where the probe arrives it begins anew", function(t)
  warn(t)
  t:feed(bounce("user_unknown", "probe"))
  t:wait "12d"
  t:expect(t:feed(bounce "user_unknown"), "probe", stage "probed", since)
  t:wait "12d"
  t:expect(t:feed(bounce "user_unknown"), stage "bouncing", since)
end)

carom.test("after two quiet months it begins anew", function(t)
  warn(t)
  t:wait "61d"
  t:expect(t:feed(bounce "user_unknown"), stage "bouncing", since)
end)

carom.test("a probe that nobody waits for says nothing", function(t)
  t:expect(t:feed(bounce("user_unknown", "probe")), "nothing")
end)

carom.test("who refuses us is not warned", function(t)
  for _ = 1, 3 do
    t:expect(t:feed(bounce "blocked"), { "alert", every = "1d" })
    t:wait "12d"
  end
end)

carom.test("what the list manager sends by itself says nothing of subscribers", function(t)
  t:expect(t:feed(bounce("user_unknown", "notice")), "ignore")
end)

carom.test("who complains leaves all lists, who asks leaves one", function(t)
  local function say(kind)
    return t:feed(carom.fact { kind = kind, recipient = ANNA, list = LIST, authenticity = "signed" })
  end
  t:expect(say "complaint", { "unsubscribe", scope = "all" })
  t:expect(say "unsubscribe", { "unsubscribe", list = LIST })
end)

carom.test("what proves nothing waits for a person", function(t)
  local d = t:feed(carom.fact { reason = "user_unknown", recipient = ANNA, list = LIST })
  t:expect(d, { "tag", key = "stage", held = "gate" }, { "tag", key = "since", held = "gate" })
end)
