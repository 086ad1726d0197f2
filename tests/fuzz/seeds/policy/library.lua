local t = setmetatable({}, { __index = function(_, k) return k .. k end })
local s = ("a"):rep(100):gsub("(a*)(b?)", "%2%1")
function on_permanent(b) pcall(error, { t.x }) for w in s:gmatch("%w+") do b:tag("x", w) end end
carom.rule { text = "no * such", reason = "user_unknown" }
