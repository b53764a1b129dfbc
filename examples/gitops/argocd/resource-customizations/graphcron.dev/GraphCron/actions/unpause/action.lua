-- Ends a pause after failures.

local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["graphcron.dev/resume-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
