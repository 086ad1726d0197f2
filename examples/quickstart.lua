-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- The policy of the quickstart: who leaves the list, who is tried again, and who is left alone.
-- It names no sinks, so that nobody is told: decisions are only kept in the ledger.

carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
}

-- Given up for good. Hard means that the address itself is dead; a block or a full mailbox is not.
function on_permanent(bounce)
  if bounce.hard then
    bounce:unsubscribe()
  end
end

-- Full mailboxes are emptied again: only the third time within two months ends in a pause.
function on_mailbox_full(bounce)
  if bounce:count { reason = "mailbox_full", within = "60d" } >= 3 then
    bounce:suppress { duration = "90d" }
  end
end

-- Given up for a temporary cause: once more tomorrow, five times at most.
function on_transient(bounce)
  bounce:retry { after = "1d", limit = 5 }
end

-- "This is spam": never again, on no list.
function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
end
