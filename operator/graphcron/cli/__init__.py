"""``kubectl graphcron``: one file a verb. Talks to Kubernetes through kubectl itself, as a plugin of it should.

::

    app         the program, and how errors end it
    options     what verbs have in common on the command line
    completion  what kubectl runs to complete the words after its plugin
    kubectl     Kubernetes, by kubectl: its contexts, its credentials
    refusals    what kubectl says where it refuses, in one line with the remedy
    output      tables, JSON, YAML, names
    terminal    all that is printed, and nothing in it that controls the terminal
    manifests   the GraphCrons of files, and where in them each field stands
    rows        what tables show of GraphCrons and of their runs
    words       times for people                     lines      schedules in words
    imported    a LangGraph cron as a GraphCron      langgraph  a LangGraph server, and when it gets the key
    checks      what the doctor looks at
"""
