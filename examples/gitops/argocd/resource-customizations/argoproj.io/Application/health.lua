-- Health of an Application: that of what it holds. Argo CD needs it to wait between sync waves of Applications.

local health = (obj.status or {}).health or {}
return { status = health.status or "Progressing", message = health.message or "" }
