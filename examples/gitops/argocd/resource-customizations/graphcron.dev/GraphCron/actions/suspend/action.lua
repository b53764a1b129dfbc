-- Lets no new run start; what runs goes on.

obj.spec.suspend = true
return obj
