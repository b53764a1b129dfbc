-- Lets runs start again. What was due in between does not run.

obj.spec.suspend = false
return obj
