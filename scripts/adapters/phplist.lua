-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors

-- phpList 3, by SQL to its tables. How to set it up, and what it cannot: phplist.md.
--
-- phplist { defaults =, database =, prefix =, user_prefix = } gives the sinks. A list's key is phpList's number of it;
-- where it has none, the lists are those that the campaign went to, which X-MessageID of the returned message names.

-- A backslash in a text is itself, and the client knows no command of its own: "\! rm" is words.
local client = { "--batch", "--binary-mode", "--default-character-set=utf8mb4", "--connect-timeout=10",
                 "--loose-skip-print-query-on-error",
                 "--init-command=SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'" }

-- MariaDB takes ä for a, and so one address for another.
local function is_the_address(column)
  return ("%s = '{sql.address}' AND LOWER(%s) = LOWER('{sql.address}') COLLATE utf8mb4_bin"):format(column, column)
end

-- $words of the SQL below; tables have theirs, too.
local words = {
  who = is_the_address "u.email",
  member = "$listuser lu JOIN $user u ON u.id = lu.userid WHERE $who",
  campaign = "SELECT listid FROM $listmessage WHERE CAST(messageid AS CHAR) = '{sql.header.X-MessageID}'",
  -- Where no campaign is named it is about them all, as what phpList itself sends: a request to confirm.
  every = "('{sql.scope}' = 'all' OR '{sql.list_key}' = '' AND NOT EXISTS ($campaign))",
  leaves = [[($every OR CAST(lu.listid AS CHAR) = '{sql.list_key}'
    OR '{sql.list_key}' = '' AND lu.listid IN ($campaign))]],
  known = "($every OR '{sql.list_key}' = '' OR EXISTS (SELECT 1 FROM $list l WHERE CAST(l.id AS CHAR) = '{sql.list_key}'))",
  -- By this bounce, not by an earlier one or himself: an undo brings back to these lists and no others.
  left = [[$history h JOIN $user u ON u.id = h.userid JOIN $list l ON h.summary = CONCAT('carom: left list ', l.id)
    WHERE $who AND h.systeminfo = 'carom {sql.id}'
      AND NOT EXISTS (SELECT 1 FROM $listuser lu WHERE lu.userid = u.id AND lu.listid = l.id)]],
  blacklisted = "(u.blacklisted AND EXISTS (SELECT 1 FROM $blacklist b WHERE b.email = u.email))",
  -- The blacklist is for all lists.
  possible = "'{sql.scope}' <> 'list'",
  -- Who is on it for another reason stays.
  ours = "EXISTS (SELECT 1 FROM $data d WHERE " .. is_the_address "d.email"
         .. " AND d.name = 'reason' AND d.data LIKE 'carom: %')",
  note = [[INSERT INTO $history (userid, ip, date, detail, systeminfo, summary)
  SELECT DISTINCT u.id, '', NOW(), $why, 'carom {sql.id}',]],
  why = "TRIM('{sql.kind} {sql.reason} {sql.diagnostic}')",
}

-- Of each action the statements, and what must not be true afterwards, with what is said then.
local actions = {
  unsubscribe = { [[
    $note CONCAT('carom: left list ', lu.listid) FROM $member AND $leaves;
    DELETE lu FROM $member AND $leaves;]],
    { "EXISTS (SELECT 1 FROM $member AND $leaves)", "still on the list" },
    { "EXISTS (SELECT 1 FROM $member) AND NOT $known", "no such list" } },
  resubscribe = { [[
    $note CONCAT('carom: back on list ', l.id) FROM $left;
    INSERT IGNORE INTO $listuser (userid, listid, entered, modified) SELECT DISTINCT u.id, l.id, NOW(), NOW() FROM $left;]],
    { "EXISTS (SELECT 1 FROM $left)", "not back on the list" } },
  suppress = { [[
    INSERT IGNORE INTO $blacklist (email, added) SELECT u.email, NOW() FROM $user u WHERE $who AND $possible;
    SET @new = ROW_COUNT() > 0;
    REPLACE INTO $data (email, name, data) SELECT u.email, 'reason', CONCAT('carom: ', $why) FROM $user u WHERE $who AND @new;
    $note 'carom: on the blacklist' FROM $user u WHERE $who AND @new;
    UPDATE $user u SET u.blacklisted = 1 WHERE $who AND $possible;]],
    { "NOT $possible", "phpList suppresses for all lists or not at all" },
    { "EXISTS (SELECT 1 FROM $user u WHERE $who AND NOT $blacklisted)", "not on the blacklist" } },
  unsuppress = { [[
    SET @ours = $ours;
    $note 'carom: off the blacklist' FROM $user u WHERE $who AND @ours;
    UPDATE $user u SET u.blacklisted = 0 WHERE $who AND @ours;
    DELETE FROM $blacklist WHERE email = '{sql.address}' AND @ours;
    DELETE FROM $data WHERE email = '{sql.address}' AND @ours;]],
    { "$ours", "still on the blacklist" } },
}

local function tables(prefix, user_prefix)
  assert(not (prefix .. user_prefix):find "[^%w_]", "phplist: prefixes of tables are letters, digits and _")
  return { list = prefix .. "list", listuser = prefix .. "listuser", listmessage = prefix .. "listmessage",
           user = user_prefix .. "user", history = user_prefix .. "user_history", blacklist = user_prefix .. "blacklist",
           data = user_prefix .. "blacklist_data" }
end

return function(options)
  local known = { defaults = true, database = true, prefix = true, user_prefix = true }
  for name in pairs(options) do
    assert(known[name], "phplist knows no option " .. tostring(name))
  end
  local names = tables(options.prefix or "phplist_", options.user_prefix or "phplist_user_")

  local function fill(text)
    return (text:gsub("%$(%l+)", function(word) return names[word] or fill(words[word]) end))
  end

  local function mariadb(...)
    local argv = { "/usr/bin/mariadb", "--defaults-extra-file=" .. (options.defaults or "/etc/carom/phplist.cnf") }
    for _, list in ipairs { client, { ... }, { options.database or "phplist" } } do
      table.move(list, 1, #list, #argv + 1, argv)
    end
    return argv
  end

  local function check(wrong, said)
    return ("IF %s THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '%s'; END IF;\n"):format(fill(wrong), said)
  end

  -- The client ends with 1 whatever happened, also where the server is just restarted: all is tried again.
  local sinks = {}
  for name, action in pairs(actions) do
    local checks = ""
    for i = 2, #action do
      checks = checks .. check(action[i][1], action[i][2])
    end
    local statements = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\nSTART TRANSACTION;\n" .. fill(action[1]) .. "\nCOMMIT;\n"
    sinks[name] = carom.command { argv = mariadb(), stdin = statements, retry = { 1 },
                                  verify = mariadb("--delimiter=//", "--execute=BEGIN NOT ATOMIC\n" .. checks .. "END//") }
  end
  return sinks
end
