-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- GNU Mailman 3, by its REST API. How to set it up, and what it cannot: mailman3.md.
--
-- mailman3 { password =, url =, user =, ca =, moderated = } gives the sinks. {list} is Mailman's own list_id.

return function(options)
  local known = { password = true, url = true, user = true, ca = true, moderated = true }
  for name in pairs(options) do
    assert(known[name], "mailman3 knows no option " .. tostring(name))
  end

  local url = options.url or "http://localhost:8001/3.1"

  local function call(sink)
    sink.url = url .. sink.url
    sink.user, sink.password = options.user or "restadmin", options.password
    sink.ca, sink.allow_private = options.ca, true
    return carom.http(sink)
  end

  -- Mailman takes a * in an address for any characters: it may find somebody else.
  local member = { url = url .. "/lists/{list}/member/{address}", take = { id = "member_id" },
                   same = { email = "{address}" } }

  local function set_delivery(status)
    return call { method = "PATCH", url = "/members/{id}/preferences", first = member,
                  form = { delivery_status = status }, done = { "2xx", 404 } }
  end

  local remove = { method = "DELETE", url = "/lists/{list}/roster/member", form = { emails = "{address}" } }
  if options.moderated then -- as if the member had asked and confirmed: who moderates the list may have to agree
    remove = { method = "DELETE", url = "/members/{id}", first = member, form = { pre_confirmed = "true" },
               pending = { 202 } }
  end

  return {
    unsubscribe = call(remove),
    resubscribe = call { method = "POST", url = "/members", done = { "2xx", 409 },
                         form = { list_id = "{list}", subscriber = "{address}", pre_verified = "true",
                                  pre_confirmed = "true", pre_approved = "true", send_welcome_message = "false" } },
    suppress = set_delivery("by_bounces"),
    unsuppress = set_delivery("enabled"),
  }
end
