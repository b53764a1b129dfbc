"""``kubectl graphcron``: the command line. It reaches Kubernetes through kubectl, as a plugin of kubectl should.

::

    app         the program, and how an error ends it
    options     options that several verbs share
    completion  what kubectl runs to complete the words after its plugin
    terminal    everything that is printed, with control characters made visible
    verbs/      one module per verb
    clients/    kubectl and its errors, and a LangGraph server
    files/      YAML and JSON manifests, where each field stands, and lint's warnings
    schedules/  schedules in words, and what a step such as */90 means
    printing/   tables, JSON, YAML, names, and times for people
    backfill/   runs for past occurrences
    doctor/     the checks of an installation
    migration/  LangGraph crons as GraphCrons
    dashboard/  the local page
"""
