-- Health of a GraphServer: does the server answer, and take the key?

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen the newest spec yet" }
end

for _, each in ipairs(obj.status.conditions or {}) do
  if each.type == "Ready" then
    local status = "Progressing"
    if each.status == "True" then
      status = "Healthy"
    elseif each.status == "False" and each.reason ~= "ClusterError" then -- that passes by itself
      status = "Degraded"
    end
    return { status = status, message = each.message or "" }
  end
end

return { status = "Progressing", message = "Waiting for the operator" }
