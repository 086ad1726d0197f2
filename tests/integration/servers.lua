-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
  sinks = {
    ["*"] = carom.webhook { url = "http://127.0.0.1:8099/hook", secret = carom.file "/etc/carom/webhook.secret",
                            allow_private = true },
  },
}

function on_permanent(bounce)
  if bounce.hard then
    bounce:unsubscribe()
  elseif bounce.fault == "content" then
    bounce:alert { text = "refused: {diagnostic}", every = "1h" }
  end
end

function on_transient(bounce)
  bounce:retry { after = "5s", limit = 3 }
end
