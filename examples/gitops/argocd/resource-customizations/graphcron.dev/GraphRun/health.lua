-- Health of a GraphRun: as for a Job, has the run failed? A skipped, interrupted or cancelled run is over and healthy.

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen the newest spec yet" }
end

local message = "Waiting for the operator"
for _, each in ipairs(obj.status.conditions or {}) do
  if each.status == "True" then
    if each.type == "Failed" then
      return { status = "Degraded", message = each.message or "" }
    elseif each.type == "Complete" then
      return { status = "Healthy", message = each.message or "" }
    elseif each.type == "Reconciling" then
      message = each.message or ""
    end
  end
end

return { status = "Progressing", message = message }
