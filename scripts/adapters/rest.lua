-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- An API of your own: members of lists as resources. How to set it up, and what it cannot: rest.md.
--
-- rest { url =, token =, ca = } gives the sinks.

return function(options)
  local known = { url = true, token = true, ca = true }
  for name in pairs(options) do
    assert(known[name], "rest knows no option " .. tostring(name))
  end

  local function call(method, path, body, done)
    return carom.http { method = method, url = options.url .. path, body = body, done = done, token = options.token,
                        ca = options.ca, allow_private = true, pending = { 202 } }
  end

  local member, gone = "/lists/{list}/members/{address}", { 200, 204, 404, 410 }
  local why = { reason = "{reason}", kind = "{kind}", diagnostic = "{diagnostic}" }
  return {
    unsubscribe = call("DELETE", member, why, gone),
    resubscribe = call("PUT", member, {}, { 200, 201, 204 }),
    suppress = call("PUT", "/suppressions/{address}", { list = "{list}", scope = "{scope}", ["until"] = "{until}" },
                    { 200, 201, 204 }),
    unsuppress = call("DELETE", "/suppressions/{address}", nil, gone),
  }
end
