-- Health of a GraphCron: is its schedule in place? How its runs end counts only where the annotation
-- graphcron.dev/health-includes-runs is "true". A GraphCron at rest is healthy: to Argo CD a part that is Suspended
-- makes the whole application Suspended, and a sync wave wait for ever.

local function condition(kind)
  for _, each in ipairs(obj.status.conditions or {}) do
    if each.type == kind then
      return each
    end
  end
  return {}
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen the newest spec yet" }
end

local ready = condition("Ready")
if ready.status ~= "True" then
  local status = "Progressing"
  if ready.status == "False" and condition("Stalled").status == "True" then
    status = "Degraded"
  end
  return { status = status, message = ready.message or "Waiting for the operator" }
end

if obj.spec.suspend == true then
  return { status = "Healthy", message = "Suspended" }
end

local failing = "Healthy"
local annotations = obj.metadata.annotations or {}
if annotations["graphcron.dev/health-includes-runs"] == "true" then
  failing = "Degraded"
end

local paused = condition("Paused")
if paused.status == "True" then
  return { status = failing, message = "Paused: " .. (paused.message or "") }
end

local last = condition("LastRunSucceeded")
if last.status == "False" then
  return { status = failing, message = "The last run failed: " .. (last.message or "") }
end

return { status = "Healthy", message = ready.message or "" }
