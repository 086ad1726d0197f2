-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- What complaints.lua decides; run by carom test complaints.lua.

local LIST, ANNA = "news.lists.example.org", "anna@gmail.com"

local function bounce(reason, more)
  return carom.fact { reason = reason, recipient = more or ANNA, list = LIST }
end
local gone = { "suppress", duration = false }
local left_all = { "unsubscribe", scope = "all" }

carom.test("who complains is never mailed again, and somebody hears which mailing it was", function(t)
  local d = t:feed(carom.fact { kind = "complaint", recipient = ANNA, list = LIST, original = { headers = "X-Campaign: spring 7\n" } })
  t:expect(d, left_all, gone, { "alert", key = "complaint:google", every = "1h", text = "complaint at google about spring 7" })
  t:denied(ANNA)
end)

carom.test("a report that hides the address still tells of the mailing", function(t)
  local d = t:feed(carom.fact { kind = "complaint", original = { subject = "Spring" } })
  t:expect(d, { "alert", key = "complaint:", text = "complaint at a provider about Spring, of somebody*sign*" })
end)

carom.test("who asks leaves that list", function(t)
  t:expect(t:feed(carom.fact { kind = "unsubscribe", recipient = ANNA, list = LIST }), { "unsubscribe", list = LIST })
end)

carom.test("three days in the recipient's own filter are a complaint", function(t)
  for _ = 1, 2 do
    t:expect(t:feed(bounce "filtered"), "nothing")
    t:wait "1d"
  end
  t:expect(t:feed(bounce "filtered"), left_all, gone)
end)

carom.test("what providers say of us is told within the hour, and blamed on nobody", function(t)
  for _, reason in ipairs { "spam_detected", "bad_reputation", "blocked", "auth_failure" } do
    t:expect(t:feed(bounce(reason)), { "alert", key = "reputation:google", every = "1h", text = "google says " .. reason .. " of a mailing*" })
  end
  t:expect(t:feed(bounce("blocked", "anna@example.com")), { "alert", key = "reputation:", text = "a server says*" })
  t:allowed(ANNA)
end)

carom.test("a dead address goes at once", function(t)
  t:expect(t:feed(bounce "user_unknown"), left_all, gone)
  t:expect(t:feed(carom.fact { kind = "permanent", reason = "mailbox_full", recipient = "b@example.com" }), "nothing")
end)

carom.test("what passes is tried again", function(t)
  t:expect(t:feed(bounce "greylisted"), { "retry", after = "4h", limit = 3 })
end)

carom.test("feedback that is no complaint", function(t)
  local function feedback(type, recipient, auth_failure)
    return t:feed(carom.fact { kind = "other", recipient = recipient, feedback = { type = type, auth_failure = auth_failure } })
  end
  t:expect(feedback("not-spam", ANNA), { "tag", key = "not_spam" })
  t:expect(feedback("not-spam"), "nothing")
  t:expect(feedback("auth-failure", nil, "dkim"), { "alert", key = "authentication", every = "1d", text = "*authentication: dkim" })
  t:expect(t:feed(carom.fact { kind = "other" }), "nothing")
end)

carom.test("on a provider's bad day nobody goes", function(t)
  local d
  for i = 1, 200 do
    d = t:feed(bounce("user_unknown", "u" .. i .. "@gmail.com"))
  end
  t:includes(d, { "alert", text = "google answers user_unknown for * addresses at once*" }, { "suppress", held = "breaker" })
  t:allowed "u200@gmail.com"
end)
