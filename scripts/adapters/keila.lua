-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- Keila, by its API. How to set it up, and what it cannot: keila.md.
--
-- keila { url =, token =, ca = } gives the sinks. A project of Keila is one list; its key is of that project alone.

return function(options)
  local known = { url = true, token = true, ca = true }
  for name in pairs(options) do
    assert(known[name], "keila knows no option " .. tostring(name))
  end

  local contact = (options.url or "https://app.keila.io") .. "/api/v1/contacts/{address}?id_type=email"

  -- from: only who is so now is changed; somebody may have decided for himself meanwhile.
  local function set(status, from)
    local first = from and { url = contact, take = { id = "data.id" },
                             same = { ["data.email"] = "{address}", ["data.status"] = from } }
    return carom.http { method = "PATCH", url = contact, body = { data = { status = status } }, done = { "2xx", 404 },
                        first = first, token = options.token, ca = options.ca, allow_private = true }
  end

  return {
    unsubscribe = set("unsubscribed"),
    resubscribe = set("active", "unsubscribed"),
    suppress = set("unreachable", "active"),
    unsuppress = set("active", "unreachable"),
  }
end
