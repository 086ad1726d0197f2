-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- listmonk, by its API. How to set it up, and what it cannot: listmonk.md.
--
-- listmonk { url =, user =, token =, ca =, blocklist = } gives the sinks. A list's key is listmonk's number of it.

return function(options)
  local known = { url = true, user = true, token = true, ca = true, blocklist = true }
  for name in pairs(options) do
    assert(known[name], "listmonk knows no option " .. tostring(name))
  end

  local url = options.url or "http://localhost:9000"

  -- listmonk puts the query into its SQL as it stands.
  local subscriber = { url = url .. "/api/subscribers?page=1&per_page=2&query=subscribers.email%20%3D%20'{sql.address}'",
                       take = { id = "data.results.0.id" }, same = { ["data.results.0.email"] = "{address}" } }

  local function put(path, body)
    return carom.http { method = "PUT", url = url .. path, body = body, first = subscriber, done = { "2xx", 404 },
                        user = options.user, password = options.token, ca = options.ca, allow_private = true }
  end

  local function lists(action, status)
    return put("/api/subscribers/lists", { ids = { "{number.id}" }, action = action, status = status,
                                           target_list_ids = { "{number.list_key}" } })
  end

  local sinks = { unsubscribe = lists("unsubscribe"), resubscribe = lists("add", "confirmed") }
  if options.blocklist then
    sinks.suppress = put("/api/subscribers/blocklist", { ids = { "{number.id}" } })
  end
  return sinks
end
