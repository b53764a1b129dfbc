-- What a person can do with a GraphCron, and what makes no sense at present.

local suspended = obj.spec.suspend == true

local paused = false
for _, each in ipairs((obj.status or {}).conditions or {}) do
  if each.type == "Paused" and each.status == "True" then
    paused = true
  end
end

return {
  ["trigger"] = { ["displayName"] = "Run now", ["iconClass"] = "fa fa-fw fa-bolt" },
  ["suspend"] = { ["displayName"] = "Suspend", ["iconClass"] = "fa fa-fw fa-pause", ["disabled"] = suspended },
  ["resume"] = { ["displayName"] = "Resume", ["iconClass"] = "fa fa-fw fa-play", ["disabled"] = not suspended },
  ["unpause"] = {
    ["displayName"] = "End the pause after failures",
    ["iconClass"] = "fa fa-fw fa-redo",
    ["disabled"] = not paused,
  },
}
